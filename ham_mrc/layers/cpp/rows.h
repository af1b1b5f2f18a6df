// Sequences of uneven lengths, read in one direction or both, a block of them at a time.
//
// Sequences never meet before the sums at the end, so a block goes through all its tokens before the next one begins: what
// belongs to a block stays in the cache, and threads share nothing. No result depends on how many threads there are.
// Nothing is computed on padding.

#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

// `count` sequences from `first` on, of a batch of B with P places, in direction 0 (left to right) or 1, of `ways` in all.
// At step t, sequence b is at the token token(b, t), if it has so many: the direction 1 begins at its own last token.
struct Rows {
    int64_t B, P, ways;
    const int64_t* lengths;
    int64_t first, count, direction, steps;

    int64_t length(int64_t b) const { return lengths[first + b]; }
    bool reads(int64_t b, int64_t t) const { return t < length(b); }
    int64_t token(int64_t b, int64_t t) const { return (first + b) * P + (direction ? length(b) - 1 - t : t); }
    int64_t place(int64_t b, int64_t t) const { return token(b, t) * ways + direction; }  // in arrays (B, P, ways, ..)

    // Zeros where an array (B, P, ways, width) has no token.
    void clear_padding(float* array, int64_t width) const {
        for (int64_t b = 0; b < count; b++)
            for (int64_t p = length(b); p < P; p++)
                std::memset(array + (((first + b) * P + p) * ways + direction) * width, 0, width * sizeof(float));
    }
    int64_t alone(int64_t b, int64_t t) const { return direction * B * P + token(b, t); }  // in arrays (ways, B, P, ..)

    // Zeros behind the last token of each sequence in an array of one direction, whose places are `apart` floats from each other.
    void clear_alone(float* array, int64_t apart, int64_t width) const {
        for (int64_t b = 0; b < count; b++)
            for (int64_t p = length(b); p < P; p++) std::memset(array + ((first + b) * P + p) * apart, 0, width * sizeof(float));
    }
    // A sequence's part of an array (ways, B, size).
    float* own(float* array, int64_t b, int64_t size) const { return array + (direction * B + first + b) * size; }
};

// Calls work(Rows) for blocks of sequences in each direction, each done by whichever thread comes next. A block has up to `size`
// sequences, which share each reading of the weights: 16, or less where each of them reads much of its own.
template <typename Work>
void over_blocks(int64_t B, int64_t P, int64_t ways, const int64_t* lengths, int64_t threads, Work work, int64_t size = 16) {
    if (threads > 4) size = std::min<int64_t>(size, 8);
    const int64_t blocks = (B + size - 1) / size * ways;
    std::atomic<int64_t> next{0};
    auto worker = [&] {
        for (int64_t i; (i = next++) < blocks;) {
            const int64_t first = i / ways * size, count = std::min(size, B - first);
            work(Rows{B, P, ways, lengths, first, count, i % ways, *std::max_element(lengths + first, lengths + first + count)});
        }
    };
    std::vector<std::thread> others;
    for (int64_t i = 1; i < threads && i < blocks; i++) others.emplace_back(worker);
    worker();
    for (auto& thread : others) thread.join();
}
