#include "hwc.h"

/* Dense layer: each row of features times each row of weights. */
void hwc_dense(const struct hwc_dense *layer, const int8_t *in, int8_t *out, void *scratch) {
    (void)scratch;
    int32_t features = layer->in_features;
    for (int32_t r = 0; r < layer->rows; r++, in += features) {
        const int8_t *weights = layer->weights;
        for (int32_t o = 0; o < layer->out_features; o++) {
            int32_t sum = layer->bias[o];
            for (int32_t i = 0; i < features; i++) sum += *weights++ * in[i];
            *out++ = hwc_clamped(hwc_rescale(sum, layer->multipliers[o], layer->shift), layer->range);
        }
    }
}
