#include "hwc.h"

/* int8 to IEEE singles. */
void hwc_dequantise(const struct hwc_scale *layer, const int8_t *in, float *out, void *scratch) {
    (void)scratch;
    for (int32_t i = 0; i < layer->elements; i++) out[i] = (float)(in[i] - layer->zero) * layer->scale;
}
