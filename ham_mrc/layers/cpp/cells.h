// One step of the recurrent cells for one sequence, and its gradient.

#pragma once

#include "vectors.h"

// One step of an LSTM: gates (4H: in, forget, new, out) become their activations, `after` and `state` are written. `before`
// may be `after`, or null for zeros.
inline void lstm(int H, float* gates, const float* before, float* after, float* state) {
    for (int i = 0; i < H; i += LANES) {
        int count = H - i;
        Vec into = logistic(load_some(gates + i, count)), forget = logistic(load_some(gates + H + i, count));
        Vec fresh = tangent(load_some(gates + 2 * H + i, count)), out = logistic(load_some(gates + 3 * H + i, count));
        Vec last = before ? load_some(before + i, count) : Vec{};
        Vec next = forget * last + into * fresh;
        store_some(after + i, next, count);
        store_some(state + i, out * tangent(next), count);
        store_some(gates + i, into, count);
        store_some(gates + H + i, forget, count);
        store_some(gates + 2 * H + i, fresh, count);
        store_some(gates + 3 * H + i, out, count);
    }
}

// Its gradient: from d_state and d_cell to d_gates (4H), and to d_cell of the step before.
inline void lstm_back(int H, const float* active, const float* before, const float* after, const float* d_state, float* d_cell,
                      float* d_gates) {
    for (int i = 0; i < H; i += LANES) {
        int count = H - i;
        Vec into = load_some(active + i, count), forget = load_some(active + H + i, count);
        Vec fresh = load_some(active + 2 * H + i, count), out = load_some(active + 3 * H + i, count);
        Vec d = load_some(d_state + i, count), bent = tangent(load_some(after + i, count));
        Vec last = before ? load_some(before + i, count) : Vec{};
        Vec dc = load_some(d_cell + i, count) + d * out * (1.0f - bent * bent);
        store_some(d_gates + i, dc * fresh * into * (1.0f - into), count);
        store_some(d_gates + H + i, dc * last * forget * (1.0f - forget), count);
        store_some(d_gates + 2 * H + i, dc * into * (1.0f - fresh * fresh), count);
        store_some(d_gates + 3 * H + i, d * bent * out * (1.0f - out), count);
        store_some(d_cell + i, dc * forget, count);
    }
}

// One step of a GRU as torch has it: `gates` holds the input's part of reset, update and new (3H), then the state's part of
// new with its bias (H); of reset and update the state's part is in `from_state` (2H). They become r, z, n and stay.
//     r = logistic(..), z = logistic(..), n = tanh(in_n + r * state_n), state = (1 - z) n + z state
inline void gru(int H, float* gates, const float* from_state, float* state) {
    for (int i = 0; i < H; i += LANES) {
        int count = H - i;
        Vec r = logistic(load_some(gates + i, count) + load_some(from_state + i, count));
        Vec z = logistic(load_some(gates + H + i, count) + load_some(from_state + H + i, count));
        Vec n = tangent(load_some(gates + 2 * H + i, count) + r * load_some(gates + 3 * H + i, count));
        store_some(state + i, n + z * (load_some(state + i, count) - n), count);
        store_some(gates + i, r, count);
        store_some(gates + H + i, z, count);
        store_some(gates + 2 * H + i, n, count);
    }
}

// Its gradient: from d_state to d_gates (4H) and to what reaches d_state past the gates.
inline void gru_back(int H, const float* gates, const float* before, float* d_state, float* d_gates) {
    for (int i = 0; i < H; i += LANES) {
        int count = H - i;
        Vec r = load_some(gates + i, count), z = load_some(gates + H + i, count);
        Vec n = load_some(gates + 2 * H + i, count), q = load_some(gates + 3 * H + i, count);
        Vec d = load_some(d_state + i, count);
        Vec d_new = d * (1.0f - z) * (1.0f - n * n);
        store_some(d_gates + i, d_new * q * r * (1.0f - r), count);
        store_some(d_gates + H + i, d * (load_some(before + i, count) - n) * z * (1.0f - z), count);
        store_some(d_gates + 2 * H + i, d_new, count);
        store_some(d_gates + 3 * H + i, d_new * r, count);
        store_some(d_state + i, d * z, count);
    }
}
