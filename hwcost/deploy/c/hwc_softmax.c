#include "hwc.h"

enum { MOST = 511 }; /* more than any int8 output can use */

/* What is divided by again and again: total * 2^16, and a reciprocal of its upper 16 bits. */
struct hwc_divisor {
    uint32_t total, reciprocal, shift;
};

/* A divisor of total * 2^16, total above 0. The reciprocal is rounded down, of a number rounded up: quotients are never too large. */
static inline struct hwc_divisor divisor_of(uint32_t total) {
    uint32_t zeros = (uint32_t)__builtin_clz(total), upper = ((total << zeros) >> 16) + 1;
    return (struct hwc_divisor){total, ((uint32_t)1 << 31) / upper, 32 - zeros};
}

/* The numerator divided by a divisor, rounded down; MOST where it is larger. The reciprocal's quotient is right or one too small. */
static inline int32_t quotient_of(uint64_t numerator, struct hwc_divisor divisor) {
    uint64_t upper = numerator >> divisor.shift;
    if (upper >= (uint64_t)(MOST + 1) << 16) return MOST;
    uint32_t next = (((uint32_t)upper >> 9) * divisor.reciprocal >> 22) + 1;
    return (int32_t)(numerator >= (uint64_t)divisor.total * next << 16 ? next : next - 1);
}

/* Softmax along the last axis, row by row: table entries by distance to the row's largest value, and one quotient each. */
void hwc_softmax(const struct hwc_softmax *layer, const int8_t *in, int8_t *out, void *scratch) {
    (void)scratch;
    int32_t length = layer->length;
    for (int32_t r = 0; r < layer->rows; r++, in += length) {
        int32_t largest = in[0];
        HWC_AS_WRITTEN
        for (int32_t i = 1; i < length; i++) largest = in[i] > largest ? in[i] : largest;
        const uint32_t *exponentials = layer->exponentials + largest;
        uint32_t total = 0;
        HWC_AS_WRITTEN
        for (int32_t i = 0; i < length; i++) total += exponentials[-in[i]];
        const struct hwc_divisor divisor = divisor_of(total);
        const uint64_t half = (uint64_t)total << 15;
        HWC_AS_WRITTEN
        for (int32_t i = 0; i < length; i++)
            *out++ = hwc_clamped(quotient_of((uint64_t)exponentials[-in[i]] * layer->factor + half, divisor), layer->range);
    }
}
