#include "hwc.h"

/* A run of sums. Both zero points are one offset, and the limits move instead of the value. */
static void sum_run(const struct hwc_sum *layer, const int8_t *x, int32_t x_step, const int8_t *y, int32_t y_step, int8_t *out, int32_t count) {
    const int32_t left = layer->left_multiplier, right = layer->right_multiplier, zero = layer->range.zero;
    const int32_t offset = -(layer->left_zero * left + layer->right_zero * right);
    const int32_t low = layer->range.low - zero, high = layer->range.high - zero, half = layer->shift - 1;
    for (int32_t n = 0; n < count; n++, x += x_step, y += y_step) {
        int32_t sum = (int32_t)((uint32_t)(*x * left) + (uint32_t)(*y * right) + (uint32_t)offset);
        int32_t value = ((sum >> half) + 1) >> 1; /* halves upwards, and never beyond int32 */
        out[n] = (int8_t)((value < low ? low : value > high ? high : value) + zero);
    }
}

/* Sum (or difference) of two tensors on scales of their own. */
void hwc_sum(const struct hwc_sum *layer, const int8_t *left, const int8_t *right, int8_t *out, void *scratch) {
    (void)scratch;
    const int32_t *size = layer->pairs.size, *a = layer->pairs.left_step, *b = layer->pairs.right_step;
    for (int32_t i = 0; i < size[0]; i++) {
        for (int32_t j = 0; j < size[1]; j++) {
            for (int32_t k = 0; k < size[2]; k++, out += size[3]) {
                const int8_t *x = left + i * a[0] + j * a[1] + k * a[2], *y = right + i * b[0] + j * b[1] + k * b[2];
                sum_run(layer, x, a[3], y, b[3], out, size[3]);
            }
        }
    }
}

/* The same with a constant on the right. */
void hwc_sum_constant(const struct hwc_sum *layer, const int8_t *left, int8_t *out, void *scratch) {
    hwc_sum(layer, left, layer->constant, out, scratch);
}
