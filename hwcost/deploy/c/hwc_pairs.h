/* Two operands walked element by element: what sums, products and extremes share. */
#ifndef HWC_PAIRS_H
#define HWC_PAIRS_H

#include "hwc.h"

/* A row of the walk: `count` elements that lie side by side in the output; an operand that repeats one element steps by 0, else by 1. */
struct hwc_pair_row {
    const int8_t *x, *y;
    int8_t *out;
    int32_t x_step, y_step, count;
};

/* Calls a function for every row of the walk, in memory order. */
void hwc_each_row(const struct hwc_pairs *pairs, const int8_t *left, const int8_t *right, int8_t *out,
                  void (*function)(const void *numbers, struct hwc_pair_row row), const void *numbers);

/* An output from one element of each operand; `numbers` are the layer's, as the function wants them. */
typedef int8_t hwc_pair(const void *numbers, int32_t x, int32_t y);

/* The function of every pair of a row. Where words need no alignment and nothing is repeated, four at a time: all are read before the
 * outputs that may lie over them are written. */
static inline __attribute__((always_inline)) void hwc_each_pair(hwc_pair *pair, const void *numbers, struct hwc_pair_row row) {
    const int8_t *x = row.x, *y = row.y, *end = row.out + row.count;
    int8_t *out = row.out;
    if (row.x_step && row.y_step) {
        HWC_AS_WRITTEN
#if defined(__ARM_FEATURE_UNALIGNED)
        for (; end - out >= 4; x += 4, y += 4, out += 4) {
            uint32_t a, b;
            hwc_copy_bytes(&a, x, sizeof a);
            hwc_copy_bytes(&b, y, sizeof b);
            out[0] = pair(numbers, (int8_t)a, (int8_t)b);
            out[1] = pair(numbers, (int8_t)(a >> 8), (int8_t)(b >> 8));
            out[2] = pair(numbers, (int8_t)(a >> 16), (int8_t)(b >> 16));
            out[3] = pair(numbers, (int8_t)(a >> 24), (int8_t)(b >> 24));
        }
#else
        for (int32_t i = 0; i < row.count; i++) out[i] = pair(numbers, x[i], y[i]);
        return;
#endif
    }
    HWC_AS_WRITTEN
    for (; out != end; x += row.x_step, y += row.y_step) *out++ = pair(numbers, *x, *y);
}

#endif
