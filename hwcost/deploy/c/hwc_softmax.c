#include "hwc.h"

/* Softmax along the last axis, row by row: table entries by distance to the row's largest value, and one division each. */
void hwc_softmax(const struct hwc_softmax *layer, const int8_t *in, int8_t *out, void *scratch) {
    (void)scratch;
    int32_t length = layer->length;
    for (int32_t r = 0; r < layer->rows; r++, in += length) {
        int32_t largest = in[0];
        for (int32_t i = 1; i < length; i++) largest = in[i] > largest ? in[i] : largest;
        uint32_t total = 0;
        for (int32_t i = 0; i < length; i++) total += layer->exponentials[largest - in[i]];
        uint64_t denominator = (uint64_t)total << 16;
        for (int32_t i = 0; i < length; i++) {
            uint64_t numerator = (uint64_t)layer->exponentials[largest - in[i]] * layer->factor + (denominator >> 1);
            *out++ = hwc_clamped(hwc_small_quotient(numerator, denominator), layer->range);
        }
    }
}
