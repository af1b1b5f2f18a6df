// A layer of LSTMs over sequences of uneven lengths, in one direction or both, and its gradient, for float32 on CPUs.
//
// torch.nn.LSTM says what is computed; the products of the inputs are the caller's. Outputs are zeros on padding. Letters for
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
    const float* inputs[2];  // (B, P, 4H) of each direction, biases added: in, forget, new, out
    const float* weights;    // (W, H, 4H): state to gates
    const int64_t* lengths;  // (B)
};

struct Kept {
    float* states;  // (B, P, W, H)
    float* before;  // (W, B, P, H) the state before; null where no gradient is wanted, as all below
    float* cells;   // (B, P, W, H)
    float* gates;   // (B, P, W, 4H): in, forget, new, out as they opened
};

struct Gradients {
    const float* states;     // (B, P, W, H): the gradient that comes in
    const float* weights_t;  // (W, 4H, H)
    float* inputs[2];        // (B, P, 4H) of each direction
};

}  // extern "C"

namespace {

struct Block : Rows {
    const Sizes& z;
    const Given& g;

    Block(const Sizes& z, const Given& g, const Rows& rows) : Rows(rows), z(z), g(g) {}
};

void forward(const Block& r, const Kept& k) {
    const int64_t H = r.z.H, four = 4 * H;
    const float *inputs = r.g.inputs[r.direction], *weights = r.g.weights + r.direction * H * four;
    std::vector<float> state(r.count * H), cell(r.count * H), gates(r.count * four);
    r.clear_padding(k.states, H);
    if (k.before) r.clear_alone(k.before + r.direction * r.B * r.P * H, H, H);
    for (int64_t t = 0; t < r.steps; t++) {
        for (int64_t b = 0; b < r.count; b++)
            if (r.reads(b, t)) std::memcpy(gates.data() + b * four, inputs + r.token(b, t) * r.z.stride, four * sizeof(float));
        product(r.count, four, H, state.data(), H, weights, four, gates.data(), four);
        for (int64_t b = 0; b < r.count; b++) {
            if (!r.reads(b, t)) continue;
            const int64_t at = r.place(b, t);
            float *now = state.data() + b * H, *memory = cell.data() + b * H, *open = gates.data() + b * four;
            if (k.before) std::memcpy(k.before + r.alone(b, t) * H, now, H * sizeof(float));
            lstm(H, open, memory, memory, now);
            std::memcpy(k.states + at * H, now, H * sizeof(float));
            if (!k.cells) continue;
            std::memcpy(k.cells + at * H, memory, H * sizeof(float));
            std::memcpy(k.gates + at * four, open, four * sizeof(float));
        }
    }
}

void backward(const Block& r, const Kept& k, const Gradients& d) {
    const int64_t H = r.z.H, four = 4 * H;
    const float* weights_t = d.weights_t + r.direction * H * four;
    float* inputs = d.inputs[r.direction];
    std::vector<float> d_state(r.count * H), d_cell(r.count * H), d_gates(r.count * four);
    r.clear_alone(inputs, r.z.stride, four);
    for (int64_t t = r.steps - 1; t >= 0; t--) {
        for (int64_t b = 0; b < r.count; b++) {
            if (!r.reads(b, t)) continue;
            const int64_t at = r.place(b, t);
            float *d_now = d_state.data() + b * H, *own = d_gates.data() + b * four;
            for (int64_t i = 0; i < H; i++) d_now[i] += d.states[at * H + i];
            lstm_back(H, k.gates + at * four, t ? k.cells + r.place(b, t - 1) * H : nullptr, k.cells + at * H, d_now,
                      d_cell.data() + b * H, own);
            std::memcpy(inputs + r.token(b, t) * r.z.stride, own, four * sizeof(float));
        }
        std::fill(d_state.begin(), d_state.end(), 0.0f);
        product(r.count, H, four, d_gates.data(), four, weights_t, H, d_state.data(), H);
    }
}

}  // namespace

extern "C" void lstm_layer(const Sizes* z, const Given* given, const Kept* kept) {
    over_blocks(z->B, z->P, z->W, given->lengths, z->threads, [&](const Rows& rows) { forward({*z, *given, rows}, *kept); });
}

extern "C" void lstm_layer_back(const Sizes* z, const Given* given, const Kept* kept, const Gradients* d) {
    over_blocks(z->B, z->P, z->W, given->lengths, z->threads, [&](const Rows& rows) { backward({*z, *given, rows}, *kept, *d); });
}
