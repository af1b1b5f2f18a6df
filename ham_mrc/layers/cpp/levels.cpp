// The levels of hierarchical attention from the second on, and their gradient, for float32 on CPUs: everything that a block
// of queries needs stays in the cache from the first level to the last.
//
// layers/ham.py says what is computed. Letters for shapes: B batch, M queries, N keys, A width of the map, L levels. Arrays
// are dense, last index fastest.
//
//     a_1 = softmax(scores), or given      s = bend(a_{i-1} again) first^T + offset, or a_{i-1} again without `first`
//     a_i = softmax(s) over real keys      mixed = sum_i w_i a_i

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "vectors.h"

extern "C" {

struct Sizes {
    int64_t B, M, N, A, L;
    int64_t bend, given;  // bend: max(0, .) inside the map; given: a_1 comes in, not its scores
    int64_t together;     // queries in a block, which share each reading of the map
    int64_t threads;
};

struct Given {
    const float* scores;   // (B, M, N) of level 1, or a_1
    const float* again;    // (B, N, A), (B, N, N) without `first`
    const float* first_t;  // (B, A, N), or null
    const float* offset;   // (B, N), or null
    const float* levels;   // (L): w
    const uint8_t* mask;   // (B, N), 1 on real keys, or null: all are
};

struct Kept {
    float* mixed;    // (B, M, N)
    float* weights;  // (B, blocks, L, together, N): a_i; null where no gradient is wanted
};

struct Gradients {
    const float* mixed;    // (B, M, N): the gradient that comes in
    const float* again_t;  // (B, A, N), (B, N, N) without `first`
    const float* first;    // (B, N, A), or null
    float* scores;         // (B, M, N)
    float* again;          // (B, N, A); zeros at first, as all below
    float* first_d;        // (B, N, A)
    float* offset;         // (B, N)
    float* levels;         // (B, L)
};

}  // extern "C"

namespace {

// Softmax over the real keys of one query, in its place; zeros where none is real.
void softmax(int64_t N, const uint8_t* mask, float* s) {
    const float lowest = -3.4028234e38f;
    if (mask)
        for (int64_t j = 0; j < N; j++) s[j] = mask[j] ? s[j] : lowest;
    Vec best = all(lowest);
    int64_t whole = 0;
    for (; whole + LANES <= N; whole += LANES) {
        Vec x = load(s + whole);
        best = x > best ? x : best;
    }
    float top = lowest;
    for (int i = 0; i < LANES; i++) top = std::max(top, best[i]);
    for (; whole < N; whole++) top = std::max(top, s[whole]);
    for (int64_t j = 0; j < N; j += LANES) {
        const int count = std::min<int64_t>(LANES, N - j);
        store_some(s + j, exponential(load_some(s + j, count) - top), count);
    }
    if (mask)
        for (int64_t j = 0; j < N; j++) s[j] = mask[j] ? s[j] : 0.0f;
    Vec sums = {};
    for (int64_t j = 0; j < N; j += LANES) sums += load_some(s + j, std::min<int64_t>(LANES, N - j));
    const float total = sum(sums);
    const float share = total > 0 ? 1.0f / total : 0.0f;
    for (int64_t j = 0; j < N; j++) s[j] *= share;
}

struct Work {
    const Sizes& z;
    const Given& g;
    int64_t blocks() const { return (z.M + z.together - 1) / z.together; }
    float* kept(const Kept& k, int64_t b, int64_t block) const { return k.weights + (b * blocks() + block) * z.L * z.together * z.N; }
    const uint8_t* mask(int64_t b) const { return g.mask ? g.mask + b * z.N : nullptr; }

    // bend(a again) for `count` queries: (count, A).
    void mapped(int64_t b, int64_t count, const float* a, float* q) const {
        std::fill(q, q + count * z.A, 0.0f);
        product(count, z.A, z.N, a, z.N, g.again + b * z.N * z.A, z.A, q, z.A);
        if (z.bend)
            for (int64_t i = 0; i < count * z.A; i++) q[i] = q[i] > 0 ? q[i] : 0.0f;
    }

    // The scores that the weights of the last level give: (count, N).
    void rescore(int64_t b, int64_t count, const float* a, float* q, float* s) const {
        if (!g.first_t) {
            std::fill(s, s + count * z.N, 0.0f);
            return product(count, z.N, z.N, a, z.N, g.again + b * z.N * z.N, z.N, s, z.N);
        }
        mapped(b, count, a, q);
        for (int64_t i = 0; i < count; i++)
            if (g.offset)
                std::memcpy(s + i * z.N, g.offset + b * z.N, z.N * sizeof(float));
            else
                std::fill(s + i * z.N, s + (i + 1) * z.N, 0.0f);
        product(count, z.N, z.A, q, z.A, g.first_t + b * z.A * z.N, z.N, s, z.N);
    }
};

void forward(const Work& w, const Kept& k, int64_t b) {
    const Sizes& z = w.z;
    std::vector<float> own(2 * z.together * z.N), q(z.together * z.A);
    for (int64_t block = 0; block < w.blocks(); block++) {
        const int64_t at = (b * z.M + block * z.together) * z.N, count = std::min(z.together, z.M - block * z.together);
        const float* last = nullptr;
        for (int64_t l = 0; l < z.L; l++) {
            float* a = k.weights ? w.kept(k, b, block) + l * z.together * z.N : own.data() + l % 2 * z.together * z.N;
            if (l)
                w.rescore(b, count, last, q.data(), a);
            else
                std::memcpy(a, w.g.scores + at, count * z.N * sizeof(float));
            for (int64_t i = 0; i < count && (l || !z.given); i++) softmax(z.N, w.mask(b), a + i * z.N);
            const float share = w.g.levels[l];
            float* mixed = k.mixed + at;
            for (int64_t i = 0; i < count * z.N; i++) mixed[i] = (l ? mixed[i] : 0.0f) + share * a[i];
            last = a;
        }
    }
}

// The gradient of `count` queries' scores from that of their weights, in its place.
void softmax_back(int64_t count, int64_t N, const float* a, float* d) {
    for (int64_t i = 0; i < count; i++, a += N, d += N) {
        Vec along = {};
        for (int64_t j = 0; j < N; j += LANES) {
            const int width = std::min<int64_t>(LANES, N - j);
            along += load_some(a + j, width) * load_some(d + j, width);
        }
        const float shared = sum(along);
        for (int64_t j = 0; j < N; j++) d[j] = a[j] * (d[j] - shared);
    }
}

void backward(const Work& w, const Kept& k, const Gradients& d, int64_t b) {
    const Sizes& z = w.z;
    const int64_t map = b * z.N * z.A;
    std::vector<float> d_a(z.together * z.N), q(z.together * z.A), d_q(z.together * z.A), level(z.L);
    for (int64_t block = 0; block < w.blocks(); block++) {
        const int64_t at = (b * z.M + block * z.together) * z.N, count = std::min(z.together, z.M - block * z.together);
        const float *incoming = d.mixed + at, *weights = w.kept(k, b, block);
        std::fill(d_a.begin(), d_a.end(), 0.0f);
        for (int64_t l = z.L - 1; l >= 0; l--) {
            const float *a = weights + l * z.together * z.N, *last = a - z.together * z.N, share = w.g.levels[l];
            Vec along = {};
            for (int64_t i = 0; i < count * z.N; i += LANES) {
                const int width = std::min<int64_t>(LANES, count * z.N - i);
                const Vec in = load_some(incoming + i, width);
                along += in * load_some(a + i, width);
                store_some(d_a.data() + i, load_some(d_a.data() + i, width) + share * in, width);
            }
            level[l] += sum(along);
            if (l || !z.given) softmax_back(count, z.N, a, d_a.data());
            if (l == 0) break;
            if (!w.g.first_t) {
                product<true>(z.N, z.N, count, last, z.N, d_a.data(), z.N, d.again + b * z.N * z.N, z.N);
                d_q.assign(d_a.begin(), d_a.end());
                std::fill(d_a.begin(), d_a.end(), 0.0f);
                product(count, z.N, z.N, d_q.data(), z.N, d.again_t + b * z.N * z.N, z.N, d_a.data(), z.N);
                continue;
            }
            w.mapped(b, count, last, q.data());
            if (d.offset)
                for (int64_t i = 0; i < count; i++)
                    for (int64_t j = 0; j < z.N; j++) d.offset[b * z.N + j] += d_a[i * z.N + j];
            product<true>(z.N, z.A, count, d_a.data(), z.N, q.data(), z.A, d.first_d + map, z.A);
            std::fill(d_q.begin(), d_q.end(), 0.0f);
            product(count, z.A, z.N, d_a.data(), z.N, d.first + map, z.A, d_q.data(), z.A);
            if (z.bend)
                for (int64_t i = 0; i < count * z.A; i++) d_q[i] = q[i] > 0 ? d_q[i] : 0.0f;
            product<true>(z.N, z.A, count, last, z.N, d_q.data(), z.A, d.again + map, z.A);
            std::fill(d_a.begin(), d_a.end(), 0.0f);
            product(count, z.N, z.A, d_q.data(), z.A, d.again_t + map, z.N, d_a.data(), z.N);
        }
        std::memcpy(d.scores + at, d_a.data(), count * z.N * sizeof(float));
    }
    std::memcpy(d.levels + b * z.L, level.data(), z.L * sizeof(float));
}

// Calls one(b) for each b, each done by whichever thread comes next.
template <typename One>
void over_batch(const Sizes& z, One one) {
    std::atomic<int64_t> next{0};
    auto worker = [&] {
        for (int64_t b; (b = next++) < z.B;) one(b);
    };
    std::vector<std::thread> others;
    for (int64_t i = 1; i < z.threads && i < z.B; i++) others.emplace_back(worker);
    worker();
    for (auto& thread : others) thread.join();
}

}  // namespace

extern "C" void levels(const Sizes* z, const Given* given, const Kept* kept) {
    over_batch(*z, [&](int64_t b) { forward({*z, *given}, *kept, b); });
}

extern "C" void levels_back(const Sizes* z, const Given* given, const Kept* kept, const Gradients* d) {
    over_batch(*z, [&](int64_t b) { backward({*z, *given}, *kept, *d, b); });
}
