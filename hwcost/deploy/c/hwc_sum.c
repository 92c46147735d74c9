#include "hwc_pairs.h"

/* Up to this shift, half of what is shifted out can be added first: two addends of 8 by 22 bits leave 2^23 to the end of int32. */
enum { LARGEST_EXACT_SHIFT = 23 };

/* What sums of a layer need: both zero points are one offset, and so is the half that rounds where it fits. */
struct numbers {
    int32_t left, right, offset, shift;
    struct hwc_clamp range;
};

/* One sum whose half is in the offset and whose range is that of int8. */
static inline int8_t plain_sum(const void *layer, int32_t x, int32_t y) {
    const struct numbers *n = layer;
    return hwc_saturated(((n->offset + x * n->left + y * n->right) >> n->shift) + n->range.zero);
}

/* One sum with any shift and range: halves upwards, and never beyond int32. */
static inline int8_t any_sum(const void *layer, int32_t x, int32_t y) {
    const struct numbers *n = layer;
    int32_t sum = n->offset + x * n->left + y * n->right;
    return hwc_clamped(((sum >> (n->shift - 1)) + 1) >> 1, n->range);
}

static void hwc_sum_plain(const void *layer, struct hwc_pair_row row) {
    const struct numbers n = *(const struct numbers *)layer;
    hwc_each_pair(plain_sum, &n, row);
}

static void hwc_sum_any(const void *layer, struct hwc_pair_row row) {
    HWC_AS_WRITTEN
    for (int32_t i = 0; i < row.count; i++) row.out[i] = any_sum(layer, row.x[i * row.x_step], row.y[i * row.y_step]);
}

/* Sum (or difference) of two tensors on scales of their own. */
void hwc_sum(const struct hwc_sum *layer, const int8_t *left, const int8_t *right, int8_t *out, void *scratch) {
    (void)scratch;
    struct numbers n = {layer->left_multiplier, layer->right_multiplier, 0, layer->shift, layer->range};
    int is_plain = n.shift <= LARGEST_EXACT_SHIFT && n.range.low == -128 && n.range.high == 127;
    n.offset = (is_plain ? (int32_t)1 << (n.shift - 1) : 0) - (layer->left_zero * n.left + layer->right_zero * n.right);
    hwc_each_row(&layer->pairs, left, right, out, is_plain ? hwc_sum_plain : hwc_sum_any, &n);
}

/* The same with a constant on the right. */
void hwc_sum_constant(const struct hwc_sum *layer, const int8_t *left, int8_t *out, void *scratch) {
    hwc_sum(layer, left, layer->constant, out, scratch);
}
