#include "hwc.h"

/* Means and sums over some axes. */
void hwc_reduce_sum(const struct hwc_reduction *layer, const int8_t *in, int8_t *out, void *scratch) {
    (void)scratch;
    for (int32_t i = 0; i < layer->kept[0]; i++) {
        for (int32_t j = 0; j < layer->kept[1]; j++) {
            const int8_t *from = in + i * layer->kept_step[0] + j * layer->kept_step[1];
            int32_t sum = 0;
            for (int32_t k = 0; k < layer->reduced[0]; k++)
                for (int32_t n = 0; n < layer->reduced[1]; n++)
                    sum += from[k * layer->reduced_step[0] + n * layer->reduced_step[1]] - layer->input_zero;
            *out++ = hwc_clamped(hwc_rescale(sum, layer->multiplier, layer->shift), layer->range);
        }
    }
}

/* The largest or smallest value over some axes. */
void hwc_reduce_extreme(const struct hwc_reduction *layer, const int8_t *in, int8_t *out, void *scratch) {
    (void)scratch;
    for (int32_t i = 0; i < layer->kept[0]; i++) {
        for (int32_t j = 0; j < layer->kept[1]; j++) {
            const int8_t *from = in + i * layer->kept_step[0] + j * layer->kept_step[1];
            int8_t best = *from;
            for (int32_t k = 0; k < layer->reduced[0]; k++) {
                for (int32_t n = 0; n < layer->reduced[1]; n++) {
                    int8_t value = from[k * layer->reduced_step[0] + n * layer->reduced_step[1]];
                    if ((value > best) == layer->largest) best = value;
                }
            }
            *out++ = best;
        }
    }
}
