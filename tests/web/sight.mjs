// SPDX-License-Identifier: Apache-2.0
//
// How colours look to people who lack one kind of cone, and how far apart two colours are.
//
// Matrices for the complete lack (severity 1.0), applied to linear RGB: G. M. Machado, M. M. Oliveira, L. A. F.
// Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency", IEEE Transactions on
// Visualization and Computer Graphics 15(6), 2009, table of results.
export const kSights = {
  'all cones': [1, 0, 0, 0, 1, 0, 0, 0, 1],
  protanopia: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deuteranopia: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.011820, 0.042940, 0.968881],
  tritanopia: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.303900],
};

// sRGB, IEC 61966-2-1.
const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);

// [r, g, b] of 0..255 as CIE L*a*b* (D65, CIE 15:2004) for the eyes of `sight`.
export function seen(color, sight) {
  const [r, g, b] = color.map((c) => linear(c / 255)), m = kSights[sight];
  const [R, G, B] = [0, 3, 6].map((i) => Math.min(1, Math.max(0, m[i] * r + m[i + 1] * g + m[i + 2] * b)));
  const x = (0.4124 * R + 0.3576 * G + 0.1805 * B) / 0.95047, y = 0.2126 * R + 0.7152 * G + 0.0722 * B,
        z = (0.0193 * R + 0.1192 * G + 0.9505 * B) / 1.08883;
  const [fx, fy, fz] = [x, y, z].map((t) => (t > (6 / 29) ** 3 ? Math.cbrt(t) : t / (3 * (6 / 29) ** 2) + 4 / 29));
  return [116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)];
}

// CIE 1976: 2.3 is just noticeable side by side (Mahy, Van Eycken, Oosterlinck, 1994).
export const apart = (a, b) => Math.hypot(...a.map((v, i) => v - b[i]));
