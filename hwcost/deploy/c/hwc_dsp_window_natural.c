#include "hwc_dsp_rows.h"

/* A row of input widened to int16 in its own order. */
static inline void widen(const struct hwc_dsp_window *layer, int16_t *to, const int8_t *in) {
    int32_t elements = layer->in_elements;
    for (; elements >= 4; elements -= 4, in += 4, to += 4) {
        uint32_t word = hwc_dsp_load(in), even = hwc_dsp_even(word), odd = hwc_dsp_odd(word), low, high;
        __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(low) : "r"(even), "r"(odd));
        __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(high) : "r"(odd), "r"(even));
        hwc_copy_bytes(to, &low, 4);
        hwc_copy_bytes(to + 2, &high, 4);
    }
    for (; elements; elements--) *to++ = *in++;
}

/* A convolution whose input may have any number of channels. */
void hwc_dsp_window_natural(const struct hwc_dsp_window *layer, const int8_t *in, int8_t *out, void *scratch) {
    hwc_dsp_rows(layer, in, out, scratch, widen);
}
