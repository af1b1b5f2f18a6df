// A layer of GRUs over sequences of uneven lengths, in one direction or both, and its gradient, for float32 on CPUs.
//
// torch.nn.GRU says what is computed; the products of the inputs are the caller's. Outputs are zeros on padding. Letters for
// shapes: B sequences, P places, W directions (1 or 2), H hidden. Arrays are dense, last index fastest, but for the products
// and their gradients: those of a direction may stand by themselves, and have `stride` floats from one place to the next.

#include "cells.h"
#include "rows.h"
#include "vectors.h"

extern "C" {

struct Sizes {
    int64_t B, P, W, H, stride, threads;
};

struct Given {
    const float* inputs[2];  // (B, P, 3H) of each direction: reset, update, new
    const float* weights;    // (W, H, 3H): state to gates
    const float* new_bias;   // (W, H): of new, inside the reset
    const int64_t* lengths;  // (B)
};

struct Kept {
    float* states;  // (B, P, W, H)
    float* before;  // (W, B, P, H) the state before; null where no gradient is wanted, as all below
    float* gates;   // (B, P, W, 4H): r, z, n and the state's part of n
};

struct Gradients {
    const float* states;     // (B, P, W, H): the gradient that comes in
    const float* weights_t;  // (W, 3H, H)
    float* products;         // (W, B, P, 3H): of what the state adds to the gates
    float* inputs[2];        // (B, P, 3H) of each direction
};

}  // extern "C"

namespace {

struct Block : Rows {
    const Sizes& z;
    const Given& g;

    Block(const Sizes& z, const Given& g, const Rows& rows) : Rows(rows), z(z), g(g) {}
};

void forward(const Block& r, const Kept& k) {
    const int64_t H = r.z.H, three = 3 * H, four = 4 * H;
    const float *weights = r.g.weights + r.direction * H * three, *bias = r.g.new_bias + r.direction * H;
    const float* inputs = r.g.inputs[r.direction];
    std::vector<float> state(r.count * H), from_state(r.count * three), active(four);
    r.clear_padding(k.states, H);
    if (k.before) r.clear_alone(k.before + r.direction * r.B * r.P * H, H, H);
    for (int64_t t = 0; t < r.steps; t++) {
        std::fill(from_state.begin(), from_state.end(), 0.0f);
        product(r.count, three, H, state.data(), H, weights, three, from_state.data(), three);
        for (int64_t b = 0; b < r.count; b++) {
            if (!r.reads(b, t)) continue;
            const int64_t at = r.place(b, t);
            float *now = state.data() + b * H, *gates = k.gates ? k.gates + at * four : active.data();
            const float *input = inputs + r.token(b, t) * r.z.stride, *own = from_state.data() + b * three;
            if (k.before) std::memcpy(k.before + r.alone(b, t) * H, now, H * sizeof(float));
            std::memcpy(gates, input, three * sizeof(float));
            for (int64_t i = 0; i < H; i++) gates[three + i] = own[2 * H + i] + bias[i];
            gru(H, gates, own, now);
            std::memcpy(k.states + at * H, now, H * sizeof(float));
        }
    }
}

void backward(const Block& r, const Kept& k, const Gradients& d) {
    const int64_t H = r.z.H, three = 3 * H, four = 4 * H;
    const float* weights_t = d.weights_t + r.direction * H * three;
    float* inputs = d.inputs[r.direction];
    std::vector<float> d_state(r.count * H), d_own(r.count * three), d_gates(four);
    r.clear_alone(inputs, r.z.stride, three);
    r.clear_alone(d.products + r.direction * r.B * r.P * three, three, three);
    for (int64_t t = r.steps - 1; t >= 0; t--) {
        for (int64_t b = 0; b < r.count; b++) {
            if (!r.reads(b, t)) continue;
            const int64_t at = r.place(b, t);
            float *d_now = d_state.data() + b * H, *own = d_own.data() + b * three;
            for (int64_t i = 0; i < H; i++) d_now[i] += d.states[at * H + i];
            gru_back(H, k.gates + at * four, k.before + r.alone(b, t) * H, d_now, d_gates.data());
            std::memcpy(own, d_gates.data(), 2 * H * sizeof(float));
            std::memcpy(own + 2 * H, d_gates.data() + three, H * sizeof(float));
            std::memcpy(inputs + r.token(b, t) * r.z.stride, d_gates.data(), three * sizeof(float));
            std::memcpy(d.products + r.alone(b, t) * three, own, three * sizeof(float));
        }
        product(r.count, H, three, d_own.data(), three, weights_t, H, d_state.data(), H);
    }
}

}  // namespace

extern "C" void gru_layer(const Sizes* z, const Given* given, const Kept* kept) {
    over_blocks(z->B, z->P, z->W, given->lengths, z->threads, [&](const Rows& rows) { forward({*z, *given, rows}, *kept); });
}

extern "C" void gru_layer_back(const Sizes* z, const Given* given, const Kept* kept, const Gradients* d) {
    over_blocks(z->B, z->P, z->W, given->lengths, z->threads, [&](const Rows& rows) { backward({*z, *given, rows}, *kept, *d); });
}
