#include "hwc.h"

/* Product of two activations, matrix by matrix of a batch. */
void hwc_matmul(const struct hwc_matmul *layer, const int8_t *left, const int8_t *right, int8_t *out, void *scratch) {
    (void)scratch;
    for (int32_t b = 0; b < layer->batch; b++, left += layer->left_step, right += layer->right_step) {
        for (int32_t i = 0; i < layer->rows; i++) {
            for (int32_t j = 0; j < layer->columns; j++) {
                int32_t sum = 0;
                for (int32_t k = 0; k < layer->depth; k++)
                    sum += (left[i * layer->depth + k] - layer->left_zero) * (right[k * layer->columns + j] - layer->right_zero);
                *out++ = hwc_clamped(hwc_rescale(sum, layer->multiplier, layer->shift), layer->range);
            }
        }
    }
}
