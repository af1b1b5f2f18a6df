// The match-LSTM's recurrence over one batch, in both directions, and its gradient, for float32 on CPUs.
//
// ham_mrc/layers/scan.py states the recurrence and is the reference. Outputs are zeros on padding.
//
// Letters for shapes: B questions, P passage tokens, Q keys, A width inside the score, D width of a key, H hidden, L levels.
// The axis of 2 is the direction: left to right, then right to left, each within the question's own length. Arrays are
// dense, last index fastest. A and D are multiples of LANES, filled up with zeros by the caller. Only what is said to be
// zero at the start needs to be.

#include "cells.h"
#include "rows.h"
#include "vectors.h"

extern "C" {

struct Sizes {
    int64_t B, P, Q, A, D, H, L, threads;
};

struct Given {
    const float* queries;    // (B, P, A)
    const float* inputs;     // (B, P, 2, 4H)
    const float* first;      // (B, Q, A)
    const float* again;      // (B, Q, A)
    const float* keys;       // (B, Q, D)
    const float* vector;     // (A)
    const float* state_map;  // (H, A), W_r transposed
    const float* gates;      // (2, D + H, 4H)
    const float* levels;     // (L)
    const uint8_t* mask;     // (B, Q)
    const int64_t* lengths;  // (B)
};

struct Kept {
    float* states;       // (B, P, 2, H)
    float* read;         // (B, P, 2, D + H): the context, and the state before; null where no gradient is wanted, as all below
    float* cells;        // (B, P, 2, H)
    float* activations;  // (B, P, 2, 4H)
    float* weights;      // (L, B, P, 2, Q)
};

struct Gradients {
    const float* states;     // (B, P, 2, H): the gradient that comes in
    const float* state_map;  // (A, H), W_r
    const float* gates_t;    // (2, 4H, D + H)
    float* inputs;           // (B, P, 2, 4H)
    float* query;            // (B, P, 2, A) of level 1
    float* query_sum;        // (B, P, 2, A) over all levels
    float* first;            // (2, B, Q, A), without its factor 4 v; this and all below are zero at the start
    float* again;            // (2, B, Q, A)
    float* keys;             // (2, B, Q, D)
    float* vector;           // (2, B, A)
    float* levels;           // (2, B, L)
};

}  // extern "C"

namespace {

// scores_j = v . tanh(first_j + x), less what is the same for all keys, as weights over the real keys.
void attend(const Sizes& z, const float* first, const float* x, const float* vector, const uint8_t* mask, float* a) {
    float highest = -3.4e38f;
    bool any = false;
    for (int j = 0; j < z.Q; j++) {
        if (!mask[j]) continue;
        Vec total = {};
        for (int i = 0; i < z.A; i += LANES) {
            Vec e = exponential(2.0f * (load(first + j * z.A + i) + load(x + i)));
            total += load(vector + i) / (1.0f + e);
        }
        a[j] = -2.0f * sum(total);
        highest = !any || a[j] > highest ? a[j] : highest;
        any = true;
    }
    float mass = 0;
    for (int j = 0; j < z.Q; j += LANES) {
        int count = z.Q - j;
        Vec e = exponential(load_some(a + j, count) - highest);
        for (int i = 0; i < LANES && i < count; i++) mass += a[j + i] = mask[j + i] ? e[i] : 0.0f;
    }
    for (int j = 0; j < z.Q; j++) a[j] = any ? a[j] / mass : 0.0f;
}

// out += sum_j a_j rows_j, rows of `width` numbers.
inline void mix(int64_t count, int64_t width, const float* a, const float* rows, float* out) {
    for (int64_t i = 0; i < width; i += LANES) {
        Vec total = load(out + i);
        for (int64_t j = 0; j < count; j++) total += a[j] * load(rows + j * width + i);
        store(out + i, total);
    }
}

// rows_j += a_j x.
inline void spread(int64_t count, int64_t width, const float* a, const float* x, float* rows) {
    for (int64_t j = 0; j < count; j++) {
        if (a[j] == 0.0f) continue;
        for (int64_t i = 0; i < width; i += LANES) store(rows + j * width + i, load(rows + j * width + i) + a[j] * load(x + i));
    }
}

inline float dot(int64_t width, const float* x, const float* y) {
    Vec total = {};
    for (int64_t i = 0; i < width; i += LANES) total += load(x + i) * load(y + i);
    return sum(total);
}

// A block of questions and what it reads.
struct Block : Rows {
    const Sizes& z;
    const Given& g;

    Block(const Sizes& z, const Given& g, const Rows& rows) : Rows(rows), z(z), g(g) {}
    const float* keys_of(const float* array, int64_t b, int64_t width) const { return array + (first + b) * z.Q * width; }
};

void forward(const Block& r, const Kept& k) {
    const Sizes& z = r.z;
    const Given& g = r.g;
    const int64_t width = z.D + z.H, four = 4 * z.H, places = z.B * z.P * 2;
    const float* weights = g.gates + r.direction * width * four;
    std::vector<float> read(r.count * width), state(r.count * z.H), memory(r.count * z.H), gates(r.count * four);
    std::vector<float> u(r.count * z.A), x(z.A), mixed(z.Q), own(z.Q), context(z.D);
    r.clear_padding(k.states, z.H);
    if (k.read) r.clear_padding(k.read, width);
    for (int64_t t = 0; t < r.steps; t++) {
        std::fill(u.begin(), u.end(), 0.0f);
        product(r.count, z.A, z.H, state.data(), z.H, g.state_map, z.A, u.data(), z.A);
        for (int64_t b = 0; b < r.count; b++) {
            if (!r.reads(b, t)) continue;
            const int64_t at = r.place(b, t);
            const float* query = g.queries + r.token(b, t) * z.A;
            for (int64_t i = 0; i < z.A; i++) x[i] = u[b * z.A + i] + query[i];
            std::fill(mixed.begin(), mixed.end(), 0.0f);
            for (int64_t l = 0; l < z.L; l++) {
                float* a = k.weights ? k.weights + (l * places + at) * z.Q : own.data();
                attend(z, r.keys_of(g.first, b, z.A), x.data(), g.vector, g.mask + (r.first + b) * z.Q, a);
                for (int64_t j = 0; j < z.Q; j++) mixed[j] += g.levels[l] * a[j];
                if (l + 1 == z.L) break;
                std::memcpy(x.data(), u.data() + b * z.A, z.A * sizeof(float));
                mix(z.Q, z.A, a, r.keys_of(g.again, b, z.A), x.data());
            }
            std::fill(context.begin(), context.end(), 0.0f);
            mix(z.Q, z.D, mixed.data(), r.keys_of(g.keys, b, z.D), context.data());
            float* in = read.data() + b * width;
            std::memcpy(in, context.data(), z.D * sizeof(float));
            std::memcpy(in + z.D, state.data() + b * z.H, z.H * sizeof(float));
            if (k.read) std::memcpy(k.read + at * width, in, width * sizeof(float));
            std::memcpy(gates.data() + b * four, g.inputs + at * four, four * sizeof(float));
        }
        product(r.count, four, width, read.data(), width, weights, four, gates.data(), four);
        for (int64_t b = 0; b < r.count; b++) {
            if (!r.reads(b, t)) continue;
            const int64_t at = r.place(b, t);
            float *now = state.data() + b * z.H, *kept_cell = memory.data() + b * z.H;
            lstm(z.H, gates.data() + b * four, kept_cell, kept_cell, now);
            std::memcpy(k.states + at * z.H, now, z.H * sizeof(float));
            if (k.cells) std::memcpy(k.cells + at * z.H, kept_cell, z.H * sizeof(float));
            if (k.activations) std::memcpy(k.activations + at * four, gates.data() + b * four, four * sizeof(float));
        }
    }
}

// From the gradient of the scores to those of the query x (d_x), first and v, by the scores' inside computed anew.
void attend_back(const Sizes& z, const float* first, const float* x, const float* vector, const float* d_scores, float* d_x,
                 float* d_first, float* d_vector) {
    for (int64_t i = 0; i < z.A; i += LANES) {
        Vec query = load(x + i), slopes = {}, bents = {};
        for (int64_t j = 0; j < z.Q; j++) {
            if (d_scores[j] == 0.0f) continue;  // padding
            Vec s = logistic(2.0f * (load(first + j * z.A + i) + query));  // tanh is 2 s - 1, its slope 4 s (1 - s)
            Vec slope = d_scores[j] * s * (1.0f - s);
            store(d_first + j * z.A + i, load(d_first + j * z.A + i) + slope);
            slopes += slope;
            bents += d_scores[j] * s;
        }
        store(d_x + i, 4.0f * load(vector + i) * slopes);
        store(d_vector + i, load(d_vector + i) + 2.0f * bents);
    }
}

// One token of one question: from the gradient of its context to those of all that its attention read.
struct TokenBack {
    const Block& r;
    const Kept& k;
    const Gradients& d;
    std::vector<float> x, mixed, d_mixed, d_a, d_scores, d_x;

    TokenBack(const Block& r, const Kept& k, const Gradients& d)
        : r(r), k(k), d(d), x(r.z.L * r.z.A), mixed(r.z.Q), d_mixed(r.z.Q), d_a(r.z.Q), d_scores(r.z.Q), d_x(r.z.A) {}

    const float* weights(int64_t level, int64_t at) const { return k.weights + (level * r.z.B * r.z.P * 2 + at) * r.z.Q; }

    void operator()(int64_t b, int64_t t, const float* u, const float* d_context, float* d_u) {
        const Sizes& z = r.z;
        const Given& g = r.g;
        const int64_t at = r.place(b, t);
        const float *first = r.keys_of(g.first, b, z.A), *again = r.keys_of(g.again, b, z.A);
        const float* keys = r.keys_of(g.keys, b, z.D);
        queries(b, t, at, u);
        std::fill(mixed.begin(), mixed.end(), 0.0f);
        for (int64_t j = 0; j < z.Q; j++) d_mixed[j] = dot(z.D, d_context, keys + j * z.D);
        for (int64_t l = 0; l < z.L; l++) {
            const float* a = weights(l, at);
            float along = 0;
            for (int64_t j = 0; j < z.Q; j++) mixed[j] += g.levels[l] * a[j], along += d_mixed[j] * a[j];
            r.own(d.levels, b, z.L)[l] += along;
        }
        spread(z.Q, z.D, mixed.data(), d_context, r.own(d.keys, b, z.Q * z.D));
        for (int64_t l = z.L - 1; l >= 0; l--) {
            const float* a = weights(l, at);
            float shared = 0;
            for (int64_t j = 0; j < z.Q; j++) {
                d_a[j] = g.levels[l] * d_mixed[j];
                if (l + 1 < z.L) d_a[j] += dot(z.A, d_x.data(), again + j * z.A);
                shared += a[j] * d_a[j];
            }
            for (int64_t j = 0; j < z.Q; j++) d_scores[j] = a[j] * (d_a[j] - shared);
            attend_back(z, first, x.data() + l * z.A, g.vector, d_scores.data(), d_x.data(),
                        r.own(d.first, b, z.Q * z.A), r.own(d.vector, b, z.A));
            for (int64_t i = 0; i < z.A; i++) d_u[i] += d_x[i];
            if (l > 0) spread(z.Q, z.A, weights(l - 1, at), d_x.data(), r.own(d.again, b, z.Q * z.A));
        }
        std::memcpy(d.query + at * z.A, d_x.data(), z.A * sizeof(float));
        std::memcpy(d.query_sum + at * z.A, d_u, z.A * sizeof(float));
    }

    // x of every level, computed anew.
    void queries(int64_t b, int64_t t, int64_t at, const float* u) {
        const Sizes& z = r.z;
        const float* query = r.g.queries + r.token(b, t) * z.A;
        for (int64_t i = 0; i < z.A; i++) x[i] = u[i] + query[i];
        for (int64_t l = 1; l < z.L; l++) {
            std::memcpy(x.data() + l * z.A, u, z.A * sizeof(float));
            mix(z.Q, z.A, weights(l - 1, at), r.keys_of(r.g.again, b, z.A), x.data() + l * z.A);
        }
    }
};

void backward(const Block& r, const Kept& k, const Gradients& d) {
    const Sizes& z = r.z;
    const int64_t width = z.D + z.H, four = 4 * z.H;
    const float* gates_t = d.gates_t + r.direction * width * four;
    std::vector<float> d_state(r.count * z.H), d_cell(r.count * z.H), d_gates(r.count * four), d_read(r.count * width);
    std::vector<float> before(r.count * z.H), u(r.count * z.A), d_u(r.count * z.A);
    TokenBack token_back(r, k, d);
    r.clear_padding(d.inputs, four);
    r.clear_padding(d.query, z.A);
    r.clear_padding(d.query_sum, z.A);
    for (int64_t t = r.steps - 1; t >= 0; t--) {
        for (int64_t b = 0; b < r.count; b++) {
            if (!r.reads(b, t)) continue;
            const int64_t at = r.place(b, t);
            float* d_now = d_state.data() + b * z.H;
            for (int64_t i = 0; i < z.H; i++) d_now[i] += d.states[at * z.H + i];
            lstm_back(z.H, k.activations + at * four, t ? k.cells + r.place(b, t - 1) * z.H : nullptr, k.cells + at * z.H,
                      d_now, d_cell.data() + b * z.H, d_gates.data() + b * four);
            std::memcpy(d.inputs + at * four, d_gates.data() + b * four, four * sizeof(float));
            std::memcpy(before.data() + b * z.H, k.read + at * width + z.D, z.H * sizeof(float));
        }
        std::fill(d_read.begin(), d_read.end(), 0.0f);
        product(r.count, width, four, d_gates.data(), four, gates_t, width, d_read.data(), width);
        std::fill(u.begin(), u.end(), 0.0f);
        product(r.count, z.A, z.H, before.data(), z.H, r.g.state_map, z.A, u.data(), z.A);
        std::fill(d_u.begin(), d_u.end(), 0.0f);
        for (int64_t b = 0; b < r.count; b++) {
            if (!r.reads(b, t)) continue;
            const float* of_read = d_read.data() + b * width;
            token_back(b, t, u.data() + b * z.A, of_read, d_u.data() + b * z.A);
            std::memcpy(d_state.data() + b * z.H, of_read + z.D, z.H * sizeof(float));
        }
        product(r.count, z.H, z.A, d_u.data(), z.A, d.state_map, z.H, d_state.data(), z.H);
    }
}

}  // namespace

extern "C" void match_scan(const Sizes* z, const Given* given, const Kept* kept) {
    over_blocks(z->B, z->P, 2, given->lengths, z->threads, [&](const Rows& rows) { forward({*z, *given, rows}, *kept); });
}

extern "C" void match_scan_back(const Sizes* z, const Given* given, const Kept* kept, const Gradients* d) {
    over_blocks(z->B, z->P, 2, given->lengths, z->threads, [&](const Rows& rows) { backward({*z, *given, rows}, *kept, *d); });
}
