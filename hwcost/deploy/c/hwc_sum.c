#include "hwc.h"

/* Sum (or difference) of two tensors on scales of their own. */
void hwc_sum(const struct hwc_sum *layer, const int8_t *left, const int8_t *right, int8_t *out, void *scratch) {
    (void)scratch;
    const int32_t *size = layer->pairs.size, *a = layer->pairs.left_step, *b = layer->pairs.right_step;
    for (int32_t i = 0; i < size[0]; i++) {
        for (int32_t j = 0; j < size[1]; j++) {
            for (int32_t k = 0; k < size[2]; k++) {
                const int8_t *x = left + i * a[0] + j * a[1] + k * a[2], *y = right + i * b[0] + j * b[1] + k * b[2];
                for (int32_t n = 0; n < size[3]; n++, x += a[3], y += b[3]) {
                    int32_t sum = (*x - layer->left_zero) * layer->left_multiplier + (*y - layer->right_zero) * layer->right_multiplier;
                    *out++ = hwc_clamped(hwc_rescale(sum, 1, layer->shift), layer->range);
                }
            }
        }
    }
}

/* The same with a constant on the right. */
void hwc_sum_constant(const struct hwc_sum *layer, const int8_t *left, int8_t *out, void *scratch) {
    hwc_sum(layer, left, layer->constant, out, scratch);
}
