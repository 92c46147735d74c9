#include "hwc.h"

/* The larger or smaller of two tensors on one scale, element by element. */
void hwc_extreme(const struct hwc_extreme *layer, const int8_t *left, const int8_t *right, int8_t *out, void *scratch) {
    (void)scratch;
    const int32_t *size = layer->pairs.size, *a = layer->pairs.left_step, *b = layer->pairs.right_step;
    for (int32_t i = 0; i < size[0]; i++) {
        for (int32_t j = 0; j < size[1]; j++) {
            for (int32_t k = 0; k < size[2]; k++) {
                const int8_t *x = left + i * a[0] + j * a[1] + k * a[2], *y = right + i * b[0] + j * b[1] + k * b[2];
                for (int32_t n = 0; n < size[3]; n++, x += a[3], y += b[3]) *out++ = (*x > *y) == layer->largest ? *x : *y;
            }
        }
    }
}
