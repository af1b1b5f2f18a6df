// Vectors of floats, the functions of one number that gates and scores need, and products of small matrices, in the vector
// types of GCC and Clang: the compiler makes of them what the processor has. Results do not depend on what that is but for
// rounding.

#pragma once

#include <cstdint>
#include <cstring>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

constexpr int LANES = 16;

typedef float Vec __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t IntVec __attribute__((vector_size(LANES * sizeof(int32_t))));

inline Vec load(const float* p) {
    Vec v;
    std::memcpy(&v, p, sizeof v);
    return v;
}

inline void store(float* p, Vec v) { std::memcpy(p, &v, sizeof v); }

// The first `count` lanes, all from LANES on; zeros behind them. Where a processor masks its loads and stores, that costs
// what a whole vector does.
inline Vec load_some(const float* p, int count) {
    if (count >= LANES) return load(p);
#ifdef __AVX512F__
    return (Vec)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p);
#else
    Vec v = {};
    std::memcpy(&v, p, count * sizeof(float));
    return v;
#endif
}

inline void store_some(float* p, Vec v, int count) {
    if (count >= LANES) return store(p, v);
#ifdef __AVX512F__
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), (__m512)v);
#else
    std::memcpy(p, &v, count * sizeof(float));
#endif
}

inline Vec all(float x) { return Vec{} + x; }

inline float sum(Vec v) {
    float total = 0;
    for (int i = 0; i < LANES; i++) total += v[i];
    return total;
}

inline Vec between(Vec x, float low, float high) {
    x = x > high ? all(high) : x;
    return x < low ? all(low) : x;
}

// e^x: 2^n e^r with |r| <= ln(2)/2, and e^r by its Taylor polynomial of degree 7, whose rest is below 1e-8.
inline Vec exponential(Vec x) {
    x = between(x, -87.0f, 87.0f);
    const float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to the nearest whole number
    Vec n = (x * 1.44269504f + magic) - magic;
    Vec r = (x - n * 0.693359375f) + n * 2.12194440e-4f;  // ln 2 in two parts
    Vec e = all(1.0f / 5040);
    e = e * r + 1.0f / 720;
    e = e * r + 1.0f / 120;
    e = e * r + 1.0f / 24;
    e = e * r + 1.0f / 6;
    e = e * r + 0.5f;
    e = e * r + 1.0f;
    e = e * r + 1.0f;
    IntVec power = (__builtin_convertvector(n, IntVec) + 127) << 23;
    Vec scale;
    std::memcpy(&scale, &power, sizeof scale);
    return e * scale;
}

inline Vec logistic(Vec x) { return 1.0f / (1.0f + exponential(-x)); }
inline Vec tangent(Vec x) { return 2.0f * logistic(2.0f * x) - 1.0f; }

// C[M][TILES * LANES] += A[M][k] B[k][..], rows of A, B, C apart by lda, ldb, ldc; of the last tile `count` columns alone.
// `ACROSS`: A stands there as A[k][M]. Each number is summed in order of k, so it does not depend on how rows are grouped.
template <int M, int TILES, bool PART, bool ACROSS>
inline void product_tile(int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb, float* c, int64_t ldc, int count) {
    auto width = [=](int i) { return PART && i + 1 == TILES ? count : LANES; };
    Vec total[M][TILES];
    for (int m = 0; m < M; m++)
        for (int i = 0; i < TILES; i++) total[m][i] = load_some(c + m * ldc + i * LANES, width(i));
    for (int64_t row = 0; row < k; row++) {
        Vec read[TILES];
        for (int i = 0; i < TILES; i++) read[i] = load_some(b + row * ldb + i * LANES, width(i));
        for (int m = 0; m < M; m++) {
            float x = ACROSS ? a[row * lda + m] : a[m * lda + row];
            for (int i = 0; i < TILES; i++) total[m][i] += x * read[i];
        }
    }
    for (int m = 0; m < M; m++)
        for (int i = 0; i < TILES; i++) store_some(c + m * ldc + i * LANES, total[m][i], width(i));
}

template <int TILES, bool PART, bool ACROSS>
inline void product_columns(int64_t m, int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb, float* c,
                            int64_t ldc, int count = LANES) {
    const int64_t row = ACROSS ? 1 : lda;
    for (; m >= 8; m -= 8, a += 8 * row, c += 8 * ldc) product_tile<8, TILES, PART, ACROSS>(k, a, lda, b, ldb, c, ldc, count);
    for (; m >= 4; m -= 4, a += 4 * row, c += 4 * ldc) product_tile<4, TILES, PART, ACROSS>(k, a, lda, b, ldb, c, ldc, count);
    for (; m >= 1; m -= 1, a += row, c += ldc) product_tile<1, TILES, PART, ACROSS>(k, a, lda, b, ldb, c, ldc, count);
}

// C[m][n] += A[m][k] B[k][n], or A[k][m] where it is `ACROSS`. A few columns at a time, so that their part of B is read once
// for all rows.
template <bool ACROSS = false>
inline void product(int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb, float* c,
                    int64_t ldc) {
    int64_t j = 0;
    for (; j + 2 * LANES <= n; j += 2 * LANES) product_columns<2, false, ACROSS>(m, k, a, lda, b + j, ldb, c + j, ldc);
    const int rest = n - j;
    if (rest > LANES) product_columns<2, true, ACROSS>(m, k, a, lda, b + j, ldb, c + j, ldc, rest - LANES);
    else if (rest == LANES) product_columns<1, false, ACROSS>(m, k, a, lda, b + j, ldb, c + j, ldc);
    else if (rest > 0) product_columns<1, true, ACROSS>(m, k, a, lda, b + j, ldb, c + j, ldc, rest);
}
