#include "hwc_pairs.h"

void hwc_each_row(const struct hwc_pairs *pairs, const int8_t *left, const int8_t *right, int8_t *out,
                  void (*function)(const void *numbers, struct hwc_pair_row row), const void *numbers) {
    const int32_t *size = pairs->size, *a = pairs->left_step, *b = pairs->right_step;
    for (int32_t i = 0; i < size[0]; i++) {
        for (int32_t j = 0; j < size[1]; j++) {
            const int8_t *x = left + i * a[0] + j * a[1], *y = right + i * b[0] + j * b[1];
            for (int32_t k = 0; k < size[2]; k++, x += a[2], y += b[2], out += size[3])
                function(numbers, (struct hwc_pair_row){x, y, out, a[3], b[3], size[3]});
        }
    }
}
