// The match-LSTM's recurrence over one batch, in both directions, and its gradient, for float32 on CPUs.
//
// ham_mrc/layers/scan.py states the recurrence and is the reference. Outputs are zeros on padding. Two things are computed in
// another way than there:
//   - What the context adds to the gates is a mixture too, (sum_j a_j k_j) W = sum_j a_j (k_j W): the caller multiplies the
//     few keys with W once, and no step has to.
//   - tanh(x) is 1 - 2 / (1 + e^2x), and e^2(f + x) = e^2f e^2x: of a score's Q A exponentials a step computes A.
//
// Letters for shapes: B questions, P passage tokens, Q keys, A width inside the score, H hidden, L levels, S = 4H + A. The
// axis of 2 is the direction: left to right, then right to left, each within the question's own length. Arrays are dense,
// last index fastest. A is a multiple of LANES, filled up with zeros by the caller. Only what is said to be zero at the start
// needs to be.

#include "cells.h"
#include "rows.h"
#include "vectors.h"

extern "C" {

struct Sizes {
    int64_t B, P, Q, A, H, L, threads;
};

struct Given {
    const float* queries;   // (B, P, A)
    const float* inputs;    // (B, P, 2, 4H)
    const float* first;     // (B, Q, A)
    const float* again;     // (B, Q, A)
    const float* keys;      // (B, Q, 2, 4H), multiplied with W
    const float* vector;    // (A)
    const float* of_state;  // (2, H, S): what the state adds to the gates, and to the queries
    const float* levels;    // (L)
    const uint8_t* mask;    // (B, Q)
    const int64_t* lengths;  // (B)
};

struct Kept {
    float* states;       // (B, P, 2, H)
    float* before;       // (B, P, 2, H) the state before; null where no gradient is wanted, as all below
    float* asked;        // (B, P, 2, A) what the state added to the queries
    float* cells;        // (B, P, 2, H)
    float* activations;  // (B, P, 2, 4H)
    float* weights;      // (L, B, P, 2, Q)
};

struct Gradients {
    const float* states;      // (B, P, 2, H): the gradient that comes in
    const float* of_state_t;  // (2, S, H)
    float* inputs;            // (B, P, 2, 4H)
    float* query;             // (B, P, 2, A) of level 1
    float* query_sum;         // (B, P, 2, A) over all levels
    float* mixed;             // (B, P, 2, Q): no gradient, but the keys' weights over all levels
    float* first;             // (2, B, Q, A), without its factor 4 v; this and all below are zero at the start
    float* again;             // (2, B, Q, A)
    float* vector;            // (2, B, A)
    float* levels;            // (2, B, L)
};

}  // extern "C"

namespace {

constexpr int64_t TOGETHER = 8;  // questions of a block: their keys should stay in the cache, beside the weights

constexpr float CALM = 40.0f;  // e^2x and its inverse, of numbers up to this, are far from the ends of what floats can be

inline bool calm(int64_t width, const float* x) {
    IntVec beyond = {};
    for (int64_t i = 0; i < width; i += LANES) {
        const Vec v = load(x + i);
        beyond |= (IntVec)(v > CALM) | (IntVec)(v < -CALM);
    }
    int32_t any = 0;
    for (int i = 0; i < LANES; i++) any |= beyond[i];
    return !any;
}

inline void grow(int64_t width, const float* x, float* out) {
    for (int64_t i = 0; i < width; i += LANES) store(out + i, exponential(2.0f * load(x + i)));
}

// A block of questions and what it reads.
struct Block : Rows {
    const Sizes& z;
    const Given& g;
    std::vector<float> grown;  // (count, Q, A): e to the power of twice the first
    std::vector<char> calms;   // (count)

    Block(const Sizes& z, const Given& g, const Rows& rows)
        : Rows(rows), z(z), g(g), grown(rows.count * z.Q * z.A), calms(rows.count, 1) {
        for (int64_t b = 0; b < count; b++)
            for (int64_t j = 0; j < z.Q; j++) {
                const float* first = keys_of(g.first, b) + j * z.A;
                if (real(b)[j]) calms[b] = calms[b] && calm(z.A, first);
                grow(z.A, first, grown.data() + (b * z.Q + j) * z.A);
            }
    }
    const uint8_t* real(int64_t b) const { return g.mask + (first + b) * z.Q; }
    const float* keys_of(const float* array, int64_t b) const { return array + (first + b) * z.Q * z.A; }
    // What key j adds to the gates.
    const float* said(int64_t b, int64_t j) const {
        return g.keys + (((first + b) * z.Q + j) * 2 + direction) * 4 * z.H;
    }
};

// The insides 1 / (1 + e^2(first_j + x)) of the scores of one question's query x.
struct Insides {
    const Block& r;
    const float *first, *grown, *x;
    std::vector<float> e;
    bool quick;

    explicit Insides(const Block& r) : r(r), e(r.z.A) {}
    void of(int64_t b, const float* query) {
        first = r.keys_of(r.g.first, b), grown = r.grown.data() + b * r.z.Q * r.z.A, x = query;
        quick = r.calms[b] && calm(r.z.A, x);
        if (quick) grow(r.z.A, x, e.data());
    }
    template <bool QUICK>
    Vec at(int64_t j, int64_t i) const {
        const int64_t place = j * r.z.A + i;
        if (QUICK) return 1.0f / (1.0f + load(grown + place) * load(e.data() + i));
        return 1.0f / (1.0f + exponential(2.0f * (load(first + place) + load(x + i))));
    }
};

// scores_j = v . tanh(first_j + x), less what is the same for all keys.
template <bool QUICK>
void score(const Insides& inside, const uint8_t* mask, float* a) {
    const Sizes& z = inside.r.z;
    for (int64_t j = 0; j < z.Q; j++) {
        if (!mask[j]) continue;
        Vec total = {};
        for (int64_t i = 0; i < z.A; i += LANES) total += load(inside.r.g.vector + i) * inside.at<QUICK>(j, i);
        a[j] = -2.0f * sum(total);
    }
}

// The scores as weights over the real keys.
void attend(const Insides& inside, const uint8_t* mask, float* a) {
    const int64_t Q = inside.r.z.Q;
    inside.quick ? score<true>(inside, mask, a) : score<false>(inside, mask, a);
    float highest = -3.4e38f;
    bool any = false;
    for (int64_t j = 0; j < Q; j++) {
        if (!mask[j]) continue;
        highest = !any || a[j] > highest ? a[j] : highest;
        any = true;
    }
    float mass = 0;
    for (int64_t j = 0; j < Q; j += LANES) {
        const int64_t count = Q - j;
        const Vec e = exponential(load_some(a + j, count) - highest);
        for (int64_t i = 0; i < LANES && i < count; i++) mass += a[j + i] = mask[j + i] ? e[i] : 0.0f;
    }
    for (int64_t j = 0; j < Q; j++) a[j] = any ? a[j] / mass : 0.0f;
}

// From the gradient of the scores to those of the query (d_x), first and v.
template <bool QUICK>
void score_back(const Insides& inside, const float* d_scores, float* d_x, float* d_first, float* d_vector) {
    const Sizes& z = inside.r.z;
    for (int64_t i = 0; i < z.A; i += LANES) {
        Vec slopes = {}, bents = {};
        for (int64_t j = 0; j < z.Q; j++) {
            if (d_scores[j] == 0.0f) continue;  // padding
            const Vec rest = inside.at<QUICK>(j, i), s = 1.0f - rest;  // tanh is 2 s - 1, its slope 4 s (1 - s)
            const Vec slope = d_scores[j] * s * rest;
            store(d_first + j * z.A + i, load(d_first + j * z.A + i) + slope);
            slopes += slope;
            bents += d_scores[j] * s;
        }
        store(d_x + i, 4.0f * load(inside.r.g.vector + i) * slopes);
        store(d_vector + i, load(d_vector + i) + 2.0f * bents);
    }
}

// out += sum_j a_j rows_j, rows of A numbers.
inline void mix(const Sizes& z, const float* a, const float* rows, float* out) {
    for (int64_t i = 0; i < z.A; i += LANES) {
        Vec total = load(out + i);
        for (int64_t j = 0; j < z.Q; j++) total += a[j] * load(rows + j * z.A + i);
        store(out + i, total);
    }
}

// rows_j += a_j x.
inline void spread(const Sizes& z, const float* a, const float* x, float* rows) {
    for (int64_t j = 0; j < z.Q; j++) {
        if (a[j] == 0.0f) continue;
        for (int64_t i = 0; i < z.A; i += LANES)
            store(rows + j * z.A + i, load(rows + j * z.A + i) + a[j] * load(x + i));
    }
}

inline float dot(int64_t width, const float* x, const float* y) {
    Vec total = {};
    for (int64_t i = 0; i < width; i += LANES) total += load(x + i) * load(y + i);
    return sum(total);
}

// gates += what the context adds. Rows of keys are long: several are read side by side, each from its begin to its end.
template <int ROWS>
inline void say(const Block& r, int64_t b, int64_t j, const float* mixed, float* gates) {
    const int64_t four = 4 * r.z.H, apart = 2 * four;
    const float* said = r.said(b, j);
    for (int64_t i = 0; i < four; i += LANES) {
        Vec total = load_some(gates + i, four - i);
        for (int m = 0; m < ROWS; m++) total += mixed[j + m] * load_some(said + m * apart + i, four - i);
        store_some(gates + i, total, four - i);
    }
}

// The gradient of `mixed` from that of the gates, likewise.
template <int ROWS>
inline void say_back(const Block& r, int64_t b, int64_t j, const float* d_gates, float* d_mixed) {
    const int64_t four = 4 * r.z.H, apart = 2 * four;
    const float* said = r.said(b, j);
    Vec total[ROWS] = {};
    for (int64_t i = 0; i < four; i += LANES) {
        const Vec d = load_some(d_gates + i, four - i);
        for (int m = 0; m < ROWS; m++) total[m] += d * load_some(said + m * apart + i, four - i);
    }
    for (int m = 0; m < ROWS; m++) d_mixed[j + m] = sum(total[m]);
}

template <typename Four, typename One>
inline void by_fours(int64_t count, Four four, One one) {
    int64_t j = 0;
    for (; j + 4 <= count; j += 4) four(j);
    for (; j < count; j++) one(j);
}

void forward(const Block& r, const Kept& k) {
    const Sizes& z = r.z;
    const Given& g = r.g;
    const int64_t four = 4 * z.H, wide = four + z.A, places = z.B * z.P * 2;
    std::vector<float> state(r.count * z.H), cell(r.count * z.H), sums(r.count * wide);
    std::vector<float> x(z.A), mixed(z.Q), own(z.Q);
    Insides inside(r);
    r.clear_padding(k.states, z.H);
    if (k.before) r.clear_padding(k.before, z.H);
    for (int64_t t = 0; t < r.steps; t++) {
        std::fill(sums.begin(), sums.end(), 0.0f);
        product(r.count, wide, z.H, state.data(), z.H, g.of_state + r.direction * z.H * wide, wide, sums.data(), wide);
        for (int64_t b = 0; b < r.count; b++) {
            if (!r.reads(b, t)) continue;
            const int64_t at = r.place(b, t);
            float *gates = sums.data() + b * wide, *u = gates + four;
            const float* query = g.queries + r.token(b, t) * z.A;
            for (int64_t i = 0; i < z.A; i++) x[i] = u[i] + query[i];
            std::fill(mixed.begin(), mixed.end(), 0.0f);
            for (int64_t l = 0; l < z.L; l++) {
                float* a = k.weights ? k.weights + (l * places + at) * z.Q : own.data();
                inside.of(b, x.data());
                attend(inside, r.real(b), a);
                for (int64_t j = 0; j < z.Q; j++) mixed[j] += g.levels[l] * a[j];
                if (l + 1 == z.L) break;
                std::memcpy(x.data(), u, z.A * sizeof(float));
                mix(z, a, r.keys_of(g.again, b), x.data());
            }
            for (int64_t i = 0; i < four; i++) gates[i] += g.inputs[at * four + i];
            by_fours(
                z.Q, [&](int64_t j) { say<4>(r, b, j, mixed.data(), gates); },
                [&](int64_t j) { say<1>(r, b, j, mixed.data(), gates); });
            float *now = state.data() + b * z.H, *memory = cell.data() + b * z.H;
            if (k.before) std::memcpy(k.before + at * z.H, now, z.H * sizeof(float));
            if (k.asked) std::memcpy(k.asked + at * z.A, u, z.A * sizeof(float));
            lstm(z.H, gates, memory, memory, now);
            std::memcpy(k.states + at * z.H, now, z.H * sizeof(float));
            if (k.cells) std::memcpy(k.cells + at * z.H, memory, z.H * sizeof(float));
            if (k.activations) std::memcpy(k.activations + at * four, gates, four * sizeof(float));
        }
    }
}

// One token of one question: from the gradient of its gates to those of all that its attention read.
struct TokenBack {
    const Block& r;
    const Kept& k;
    const Gradients& d;
    std::vector<float> x, d_mixed, d_a, d_scores, d_x;
    Insides inside;

    TokenBack(const Block& r, const Kept& k, const Gradients& d)
        : r(r), k(k), d(d), x(r.z.L * r.z.A), d_mixed(r.z.Q), d_a(r.z.Q), d_scores(r.z.Q), d_x(r.z.A), inside(r) {}

    const float* weights(int64_t level, int64_t at) const { return k.weights + (level * r.z.B * r.z.P * 2 + at) * r.z.Q; }
    float* own(float* array, int64_t b) const { return r.own(array, b, r.z.Q * r.z.A); }

    void operator()(int64_t b, int64_t t, const float* d_gates, float* d_u) {
        const Sizes& z = r.z;
        const int64_t at = r.place(b, t);
        const float* again = r.keys_of(r.g.again, b);
        float *vector = r.own(d.vector, b, z.A), *levels = r.own(d.levels, b, z.L), *mixed = d.mixed + at * z.Q;
        queries(b, t, at);
        by_fours(
            z.Q, [&](int64_t j) { say_back<4>(r, b, j, d_gates, d_mixed.data()); },
            [&](int64_t j) { say_back<1>(r, b, j, d_gates, d_mixed.data()); });
        std::fill(mixed, mixed + z.Q, 0.0f);
        std::fill(d_u, d_u + z.A, 0.0f);
        for (int64_t l = z.L - 1; l >= 0; l--) {
            const float* a = weights(l, at);
            float along = 0, shared = 0;
            for (int64_t j = 0; j < z.Q; j++) {
                mixed[j] += r.g.levels[l] * a[j];
                along += d_mixed[j] * a[j];
                d_a[j] = r.g.levels[l] * d_mixed[j];
                if (l + 1 < z.L) d_a[j] += dot(z.A, d_x.data(), again + j * z.A);
                shared += a[j] * d_a[j];
            }
            levels[l] += along;
            for (int64_t j = 0; j < z.Q; j++) d_scores[j] = a[j] * (d_a[j] - shared);
            inside.of(b, x.data() + l * z.A);
            auto back = inside.quick ? score_back<true> : score_back<false>;
            back(inside, d_scores.data(), d_x.data(), own(d.first, b), vector);
            for (int64_t i = 0; i < z.A; i++) d_u[i] += d_x[i];
            if (l > 0) spread(z, weights(l - 1, at), d_x.data(), own(d.again, b));
        }
        std::memcpy(d.query + at * z.A, d_x.data(), z.A * sizeof(float));
        std::memcpy(d.query_sum + at * z.A, d_u, z.A * sizeof(float));
    }

    // x of every level, computed anew.
    void queries(int64_t b, int64_t t, int64_t at) {
        const Sizes& z = r.z;
        const float *query = r.g.queries + r.token(b, t) * z.A, *u = k.asked + at * z.A;
        for (int64_t i = 0; i < z.A; i++) x[i] = u[i] + query[i];
        for (int64_t l = 1; l < z.L; l++) {
            std::memcpy(x.data() + l * z.A, u, z.A * sizeof(float));
            mix(z, weights(l - 1, at), r.keys_of(r.g.again, b), x.data() + l * z.A);
        }
    }
};

void backward(const Block& r, const Kept& k, const Gradients& d) {
    const Sizes& z = r.z;
    const int64_t four = 4 * z.H, wide = four + z.A;
    const float* of_state_t = d.of_state_t + r.direction * wide * z.H;
    std::vector<float> d_state(r.count * z.H), d_cell(r.count * z.H), d_sums(r.count * wide);
    TokenBack token_back(r, k, d);
    r.clear_padding(d.inputs, four);
    r.clear_padding(d.query, z.A);
    r.clear_padding(d.query_sum, z.A);
    r.clear_padding(d.mixed, z.Q);
    for (int64_t t = r.steps - 1; t >= 0; t--) {
        for (int64_t b = 0; b < r.count; b++) {
            if (!r.reads(b, t)) continue;
            const int64_t at = r.place(b, t);
            float *d_now = d_state.data() + b * z.H, *d_gates = d_sums.data() + b * wide;
            for (int64_t i = 0; i < z.H; i++) d_now[i] += d.states[at * z.H + i];
            lstm_back(z.H, k.activations + at * four, t ? k.cells + r.place(b, t - 1) * z.H : nullptr, k.cells + at * z.H,
                      d_now, d_cell.data() + b * z.H, d_gates);
            std::memcpy(d.inputs + at * four, d_gates, four * sizeof(float));
            token_back(b, t, d_gates, d_gates + four);
        }
        std::fill(d_state.begin(), d_state.end(), 0.0f);
        product(r.count, z.H, wide, d_sums.data(), wide, of_state_t, z.H, d_state.data(), z.H);
    }
}

}  // namespace

extern "C" void match_scan(const Sizes* z, const Given* given, const Kept* kept) {
    auto work = [&](const Rows& rows) { forward({*z, *given, rows}, *kept); };
    over_blocks(z->B, z->P, 2, given->lengths, z->threads, work, TOGETHER);
}

extern "C" void match_scan_back(const Sizes* z, const Given* given, const Kept* kept, const Gradients* d) {
    auto work = [&](const Rows& rows) { backward({*z, *given, rows}, *kept, *d); };
    over_blocks(z->B, z->P, 2, given->lengths, z->threads, work, TOGETHER);
}
