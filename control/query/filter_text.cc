// SPDX-License-Identifier: Apache-2.0
#include "control/query/filter_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "control/query/name_filter.h"
#include "control/query/near.h"

namespace rs::query {
namespace {

using model::Field;
using model::FieldInfo;
using model::Filter;
using model::Op;
using model::Type;
using model::Value;

struct Token {
  enum class Kind : uint8_t { kWord, kQuoted, kOperator, kOpen, kClose, kComma, kEnd };
  Kind kind = Kind::kEnd;
  std::string text;
  size_t at = 0;  // byte
};

// Carries an error out of the recursive descent; caught in parse_filter and nowhere else.
struct Refusal {
  size_t at;
  std::string text;
};

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
         c == ':' || c == '/' || c == '-' || c == '@';
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

std::string quote(std::string_view text) {
  constexpr size_t kShown = 40;
  return '"' + std::string(text.substr(0, kShown)) + (text.size() > kShown ? "..." : "") + '"';
}

std::vector<Token> tokenize(std::string_view text) {
  using Kind = Token::Kind;
  std::vector<Token> tokens;
  size_t i = 0;
  const auto rest_starts = [&](std::string_view with) { return text.substr(i).starts_with(with); };
  const auto push = [&](Kind kind, std::string_view canonical, size_t length) {
    tokens.push_back({kind, std::string(canonical), i});
    i += length;
  };
  while (i < text.size()) {
    const char c = text[i];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
      ++i;
    else if (c == '(')
      push(Kind::kOpen, "(", 1);
    else if (c == ')')
      push(Kind::kClose, ")", 1);
    else if (c == ',')
      push(Kind::kComma, ",", 1);
    else if (rest_starts("!=") || rest_starts("<=") || rest_starts(">="))
      push(Kind::kOperator, text.substr(i, 2), 2);
    else if (rest_starts("=="))
      push(Kind::kOperator, "=", 2);
    else if (c == '=' || c == '<' || c == '>')
      push(Kind::kOperator, text.substr(i, 1), 1);
    else if (rest_starts("&&"))
      push(Kind::kWord, "and", 2);
    else if (rest_starts("||"))
      push(Kind::kWord, "or", 2);
    else if (c == '!')
      push(Kind::kWord, "not", 1);
    else if (c == '"' || c == '\'') {
      Token token{Kind::kQuoted, {}, i};
      size_t end = i + 1;
      while (end < text.size() && text[end] != c) {
        if (text[end] == '\\' && end + 1 < text.size()) ++end;
        token.text += text[end++];
      }
      if (end >= text.size()) throw Refusal{i, "this quote is never closed"};
      tokens.push_back(std::move(token));
      i = end + 1;
    } else if (is_word(c)) {
      const size_t start = i;
      while (i < text.size() && is_word(text[i])) ++i;
      tokens.push_back({Kind::kWord, std::string(text.substr(start, i - start)), start});
    } else {
      const bool printable = c > ' ' && c < 0x7f;
      throw Refusal{i, printable ? "unexpected character " + quote(text.substr(i, 1)) + "; text with it needs quotes"
                                 : std::string("unexpected character; text with it needs quotes")};
    }
  }
  tokens.push_back({Kind::kEnd, {}, text.size()});
  return tokens;
}

std::optional<double> parse_real(std::string_view text, std::string_view* rest) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{} || !std::isfinite(value)) return std::nullopt;
  *rest = text.substr(static_cast<size_t>(end - text.data()));
  return value;
}

// "350", "1.5s", "200ms", "5m", "1h", "2d" in seconds.
std::optional<double> parse_seconds(std::string_view text) {
  constexpr std::pair<std::string_view, double> kUnits[] = {{"", 1},   {"us", 1e-6}, {"ms", 1e-3}, {"s", 1},
                                                            {"m", 60}, {"h", 3600},  {"d", 86400}};
  std::string_view unit;
  const auto value = parse_real(text, &unit);
  if (!value || *value < 0) return std::nullopt;
  for (const auto& [name, seconds] : kUnits)
    if (unit == name) return *value * seconds;
  return std::nullopt;
}

class Parser {
 public:
  Parser(std::string_view text, const model::Names& names) : tokens_(tokenize(text)), names_(names) {}

  Filter run() {
    if (peek().kind == Token::Kind::kEnd) return Filter{};
    Filter filter = expression(0);
    if (peek().kind == Token::Kind::kClose) refuse("this ) has no ( before it");
    if (peek().kind != Token::Kind::kEnd) refuse("expected \"and\", \"or\" or the end here, not " + quote(peek().text));
    return filter;
  }

 private:
  const Token& peek() const { return tokens_[next_]; }
  Token take() { return tokens_[next_ + 1 < tokens_.size() ? next_++ : next_]; }
  bool at_word(std::string_view word) const { return peek().kind == Token::Kind::kWord && lower(peek().text) == word; }
  bool take_word(std::string_view word) {
    if (!at_word(word)) return false;
    take();
    return true;
  }
  [[noreturn]] void refuse(std::string text) const { throw Refusal{peek().at, std::move(text)}; }

  Filter expression(size_t depth) {
    if (depth > kMaxFilterDepth)
      refuse("nested deeper than " + std::to_string(kMaxFilterDepth) + " levels: write it flatter");
    std::vector<Filter> terms;
    do terms.push_back(term(depth));
    while (take_word("or"));
    return model::any_of(std::move(terms));
  }

  Filter term(size_t depth) {
    std::vector<Filter> factors;
    do factors.push_back(factor(depth));
    while (take_word("and"));
    return model::all_of(std::move(factors));
  }

  Filter factor(size_t depth) {
    if (depth > kMaxFilterDepth)
      refuse("nested deeper than " + std::to_string(kMaxFilterDepth) + " levels: write it flatter");
    if (take_word("not")) return model::negate(factor(depth + 1));
    if (peek().kind == Token::Kind::kOpen) {
      const size_t open = take().at;
      Filter inner = expression(depth + 1);
      if (peek().kind != Token::Kind::kClose) {
        if (peek().kind == Token::Kind::kEnd) throw Refusal{open, "this ( is never closed"};
        refuse("expected \"and\", \"or\" or ) here, not " + quote(peek().text));
      }
      take();
      return inner;
    }
    return test();
  }

  Filter test() {
    if (const NameField* named = at_name_field()) return name_test(*named);
    const FieldInfo& field = take_field();
    const bool negated_in = take_not_before_in();
    if (take_word("in")) {
      Filter in = model::test_in(field.field, take_list(field));
      return negated_in ? model::negate(std::move(in)) : in;
    }
    if (peek().kind != Token::Kind::kOperator) {
      if (field.type == Type::kYesNo) return model::test(field.field, Op::kEq, uint64_t{1});
      refuse("expected an operator after " + std::string(field.name) + ": = != < <= > >= in");
    }
    const Op op = take_operator(field);
    return model::test(field.field, op, take_value(field));
  }

  bool take_not_before_in() {
    if (!take_word("not")) return false;
    if (!at_word("in")) refuse("expected \"in\" after \"not\" here");
    return true;
  }

  // --- what the names file says: site = fra1, service in (a, b) ---

  const NameField* at_name_field() const {
    if (peek().kind != Token::Kind::kWord) return nullptr;
    const auto fields = name_fields();
    const auto found = std::ranges::find(fields, lower(peek().text), [](const NameField& f) { return f.name; });
    return found == fields.end() ? nullptr : &*found;
  }

  Filter name_test(const NameField& field) {
    const size_t at = take().at;
    const std::string who(field.name);
    bool negated = take_not_before_in();
    std::vector<std::string> values;
    if (take_word("in")) {
      values = take_names(field);
    } else {
      if (peek().kind != Token::Kind::kOperator) refuse("expected an operator after " + who + ": = != in");
      if (peek().text != "=" && peek().text != "!=") refuse(who + " has no order: use =, != or in");
      negated = take().text == "!=";
      values.push_back(take_name(field));
    }
    Filter test = query::name_test(field, values, names_);
    values_ += values_of(test);
    if (values_ > kMaxFilterValues)
      throw Refusal{at, "in the names file this is more than " + std::to_string(kMaxFilterValues) +
                            " networks and ports, the most that one filter takes"};
    return negated ? model::negate(std::move(test)) : test;
  }

  static size_t values_of(const Filter& filter) {
    size_t count = filter.values.size();
    for (const Filter& child : filter.children) count += values_of(child);
    return count;
  }

  std::vector<std::string> take_names(const NameField& field) {
    const std::string who(field.name);
    if (peek().kind != Token::Kind::kOpen) refuse("expected ( and a list after \"in\", e.g. " + who + " in (a, b)");
    const size_t open = take().at;
    if (peek().kind == Token::Kind::kClose) refuse("this list is empty");
    std::vector<std::string> values;
    for (;;) {
      values.push_back(take_name(field));
      if (peek().kind == Token::Kind::kEnd) throw Refusal{open, "this ( is never closed"};
      const Token token = take();
      if (token.kind == Token::Kind::kClose) return values;
      if (token.kind != Token::Kind::kComma) throw Refusal{token.at, "expected , or ) here, not " + quote(token.text)};
    }
  }

  // An unknown one is an error, as an unknown cause is: it would hold for nothing, and be taken for good news.
  std::string take_name(const NameField& field) {
    constexpr size_t kLongestHint = 400;
    const std::string who(field.name);
    if (++values_ > kMaxFilterValues) refuse("more than " + std::to_string(kMaxFilterValues) + " values in one filter");
    if (peek().kind != Token::Kind::kWord && peek().kind != Token::Kind::kQuoted)
      refuse("expected a value for " + who + " here" +
             (peek().kind == Token::Kind::kEnd ? "" : ", not " + quote(peek().text)));
    const std::string& text = peek().text;
    const auto known = known_values(field, names_);
    if (!text.empty() && !std::ranges::binary_search(known, std::string_view(text))) {
      const std::string missing = "the names file has no " + who + " " + quote(text);
      if (known.empty()) refuse(missing + ", nor any other");
      const std::string hint = did_you_mean(text, known);
      refuse(missing + "; " + (hint.size() > kLongestHint ? std::to_string(known.size()) + " are known" : hint));
    }
    return take().text;
  }

  const FieldInfo& take_field() {
    if (peek().kind == Token::Kind::kEnd) refuse("expected a field here, e.g. cause = port_closed");
    if (peek().kind != Token::Kind::kWord) refuse("expected a field here, not " + quote(peek().text));
    const std::string word = lower(peek().text);
    for (const FieldInfo& field : model::fields())
      if (field.name == word) {
        take();
        return field;
      }
    std::vector<std::string_view> names;
    for (const FieldInfo& field : model::fields()) names.push_back(field.name);
    for (const NameField& field : name_fields()) names.push_back(field.name);
    refuse("unknown field " + quote(peek().text) + "; " + did_you_mean(word, names));
  }

  Op take_operator(const FieldInfo& field) {
    constexpr Op kOps[] = {Op::kEq, Op::kNe, Op::kLt, Op::kLe, Op::kGt, Op::kGe};
    const auto* op = std::ranges::find(kOps, std::string_view(peek().text), model::text_of);
    if (!field.ordered && *op != Op::kEq && *op != Op::kNe)
      refuse(std::string(field.name) + " has no order: use =, != or in");
    take();
    return *op;
  }

  std::vector<Value> take_list(const FieldInfo& field) {
    std::vector<Value> values;
    if (peek().kind != Token::Kind::kOpen) {
      if (field.type != Type::kAddress)
        refuse("expected ( and a list after \"in\", e.g. " + std::string(field.name) + " in (a, b)");
      values.push_back(take_value(field));
      return values;
    }
    const size_t open = take().at;
    if (peek().kind == Token::Kind::kClose) refuse("this list is empty");
    for (;;) {
      values.push_back(take_value(field));
      if (peek().kind == Token::Kind::kEnd) throw Refusal{open, "this ( is never closed"};
      const Token token = take();
      if (token.kind == Token::Kind::kClose) return values;
      if (token.kind != Token::Kind::kComma) throw Refusal{token.at, "expected , or ) here, not " + quote(token.text)};
    }
  }

  Value take_value(const FieldInfo& field) {
    if (++values_ > kMaxFilterValues) refuse("more than " + std::to_string(kMaxFilterValues) + " values in one filter");
    if (peek().kind != Token::Kind::kWord && peek().kind != Token::Kind::kQuoted)
      refuse("expected a value for " + std::string(field.name) + " here" +
             (peek().kind == Token::Kind::kEnd ? "" : ", not " + quote(peek().text)));
    Value value = parse_value(field, peek().text);
    take();
    return value;
  }

  Value parse_value(const FieldInfo& field, const std::string& text) const {
    const std::string who(field.name);
    switch (field.type) {
      case Type::kText:
        return text;
      case Type::kAddress:
        if (const auto prefix = model::parse_prefix(text)) return *prefix;
        refuse(quote(text) + " is no address or network for " + who + ", e.g. 10.0.0.0/8 or 2001:db8::1");
      case Type::kNumber: {
        uint64_t number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error == std::errc{} && end == text.data() + text.size() && number <= field.max) return number;
        refuse(quote(text) + " is no number for " + who + ": 0 to " + std::to_string(field.max));
      }
      case Type::kName: {
        const std::string word = lower(text);
        for (size_t i = 0; i < field.names.size(); ++i)
          if (field.names[i] == word) return static_cast<uint64_t>(i);
        refuse("unknown " + who + " " + quote(text) + "; " + did_you_mean(word, field.names));
      }
      case Type::kShare: {
        std::string_view rest;
        const auto share = parse_real(text, &rest);
        if (share && rest.empty() && *share >= 0 && *share <= 1) return *share;
        refuse(quote(text) + " is no share for " + who + ": 0 to 1, e.g. 0.8");
      }
      case Type::kDuration:
        if (const auto seconds = parse_seconds(lower(text))) return *seconds;
        refuse(quote(text) + " is no duration for " + who + ": seconds, or 200ms, 350s, 5m, 1h, 2d");
      case Type::kYesNo: {
        const std::string word = lower(text);
        if (word == "true" || word == "yes" || word == "1") return uint64_t{1};
        if (word == "false" || word == "no" || word == "0") return uint64_t{0};
        refuse(quote(text) + " is neither true nor false");
      }
    }
    refuse("internal: field without a type");
  }

  std::vector<Token> tokens_;
  const model::Names& names_;
  size_t next_ = 0;
  size_t values_ = 0;
};

// Characters, not bytes: what an editor shows as the column.
size_t column(std::string_view text, size_t at) {
  return 1 + static_cast<size_t>(std::ranges::count_if(text.substr(0, at), [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

Result<Filter> parse_filter(std::string_view text, const model::Names& names) {
  if (text.size() > kMaxFilterBytes)
    return Error{Code::kInvalid, "filter of " + std::to_string(text.size()) + " bytes; at most " +
                                     std::to_string(kMaxFilterBytes) + " are taken"};
  try {
    return Parser(text, names).run();
  } catch (const Refusal& refusal) {
    return Error{Code::kInvalid, "filter, column " + std::to_string(column(text, refusal.at)) + ": " + refusal.text};
  }
}

std::string filter_help() {
  std::string help = "Tests are joined by and, or, not and ( ). Operators: = != < <= > >= in. Fields:\n";
  const auto line = [&help](std::string_view name, std::string_view text) {
    constexpr size_t kColumn = 16;
    help.append("  ").append(name).append(name.size() < kColumn ? kColumn - name.size() : 1, ' ');
    help.append(text).append("\n");
  };
  for (const FieldInfo& field : model::fields()) line(field.name, field.help);
  for (const NameField& field : name_fields()) line(field.name, field.help);
  for (const FieldInfo& field : model::fields()) {
    if (field.names.empty() || field.field == Field::kSecondCause) continue;
    help.append("\n").append(field.name).append(": ").append(joined(field.names)).append("\n");
  }
  return help;
}

}  // namespace rs::query
