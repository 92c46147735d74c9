#include "hwc_pairs.h"

/* One product of two values on scales of their own. */
static inline int8_t any_product(const void *numbers, int32_t x, int32_t y) {
    const struct hwc_product *n = numbers;
    return hwc_clamped(hwc_rescale((x - n->left_zero) * (y - n->right_zero), n->multiplier, n->shift), n->range);
}

/* The same where the shift is 32 and the range that of int8. */
static inline int8_t plain_product(const void *numbers, int32_t x, int32_t y) {
    const struct hwc_product *n = numbers;
    return hwc_saturated(hwc_high_word((x - n->left_zero) * (y - n->right_zero), n->multiplier) + n->range.zero);
}

static void hwc_product_plain(const void *layer, struct hwc_pair_row row) {
    const struct hwc_product n = *(const struct hwc_product *)layer;
    hwc_each_pair(plain_product, &n, row);
}

static void hwc_product_any(const void *layer, struct hwc_pair_row row) {
    HWC_AS_WRITTEN
    for (int32_t i = 0; i < row.count; i++) row.out[i] = any_product(layer, row.x[i * row.x_step], row.y[i * row.y_step]);
}

/* Product of two tensors on scales of their own, element by element. */
void hwc_product(const struct hwc_product *layer, const int8_t *left, const int8_t *right, int8_t *out, void *scratch) {
    (void)scratch;
    int is_plain = layer->shift == 32 && layer->range.low == -128 && layer->range.high == 127;
    hwc_each_row(&layer->pairs, left, right, out, is_plain ? hwc_product_plain : hwc_product_any, layer);
}

/* The same with a constant on the right. */
void hwc_product_constant(const struct hwc_product *layer, const int8_t *left, int8_t *out, void *scratch) {
    hwc_product(layer, left, layer->constant, out, scratch);
}
