#include "hwc.h"

/* Halves to even, for values of at most 2^21: adding 1.5 * 2^23 leaves no bits for a fraction. What is no number becomes the lowest. */
static int32_t nearest(float value) {
    const volatile float whole = 12582912.0f;
    if (!(value > -1024.0f)) return -1024;
    if (value > 1024.0f) return 1024;
    return (int32_t)(value + whole - whole);
}

/* IEEE singles to int8. */
void hwc_quantise(const struct hwc_scale *layer, const float *in, int8_t *out, void *scratch) {
    (void)scratch;
    struct hwc_clamp range = {(int16_t)layer->zero, -128, 127};
    for (int32_t i = 0; i < layer->elements; i++) out[i] = hwc_clamped(nearest(in[i] / layer->scale), range);
}
