/* Integer kernels of a quantised network: what every kernel takes and computes.
 *
 * A layer is a constant struct, and running it is one call: hwc_conv(&conv_3, in, out, scratch). Kernels keep no state, allocate
 * nothing and need nothing of the C library. Values are int8 with one scale per tensor, channels last in memory. Every kernel
 * rounds once, halves upwards: rescale(a) = floor((a * multiplier + 2^(shift - 1)) / 2^shift), shift between 1 and 32.
 */
#ifndef HWC_H
#define HWC_H

#include <stdint.h>

#include "hwc_plain_rescale.h"

/* Copying and filling through the compiler, so that no header of a C library is needed. */
#define hwc_copy_bytes(to, from, bytes) __builtin_memcpy((to), (from), (bytes))
#define hwc_fill_bytes(to, value, bytes) __builtin_memset((to), (value), (bytes))

/* Before a loop that is long enough as it is written: some compilers would repeat its body, and flash is what small devices lack. */
#if defined(__clang__)
#define HWC_AS_WRITTEN _Pragma("clang loop unroll(disable)")
#else
#define HWC_AS_WRITTEN
#endif

/* Where an output is clamped to, its zero point included, and that zero point. */
struct hwc_clamp {
    int16_t zero, low, high;
};

/* A window sliding over an image. Sizes are in places, padding is what is added above and to the left. */
struct hwc_window {
    int32_t in_height, in_width, out_height, out_width;
    int16_t kernel_height, kernel_width, stride_y, stride_x, dilation_y, dilation_x, pad_top, pad_left;
};

/* floor((a * multiplier + 2^31) / 2^32); multiplier >= 0. */
static inline int32_t hwc_high_word(int32_t a, int32_t multiplier) {
#if defined(__ARM_ARCH_6M__)
    return hwc_plain_rescale(a, multiplier);
#else
    return (int32_t)(((int64_t)a * multiplier + 0x80000000) >> 32);
#endif
}

/* floor((a * multiplier + 2^(shift - 1)) / 2^shift), held to the ends of int32. */
static inline int32_t hwc_rescale(int32_t a, int32_t multiplier, int32_t shift) {
    if (shift == 32) return hwc_high_word(a, multiplier);
    int64_t product = (int64_t)a * multiplier;
    product += (int32_t)1 << (shift - 1);
    int32_t above = (int32_t)(product >> 32);
    if (above >> (shift - 1) != above >> 31) return above < 0 ? INT32_MIN : INT32_MAX;
    return (int32_t)((uint32_t)above << (32 - shift) | (uint32_t)product >> shift);
}

/* A rescaled value as it is stored: zero point added, clamped. The limits move instead of the value, which may be any int32. */
static inline int8_t hwc_clamped(int32_t value, struct hwc_clamp range) {
    int32_t low = range.low - range.zero, high = range.high - range.zero;
    return (int8_t)((value < low ? low : value > high ? high : value) + range.zero);
}

/* A value held to the ends of int8: one instruction on cores that have it, else nearly always one test. */
static inline int8_t hwc_saturated(int32_t value) {
#if defined(__ARM_FEATURE_SAT)
    return (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
#else
    if (__builtin_expect((uint32_t)value + 128 > 255, 0)) value = 127 ^ (value >> 31);
    return (int8_t)value;
#endif
}

/* Convolutions. Weights are [out_channels][kernel_height][kernel_width][in_channels / groups], one bias and multiplier a channel. */
struct hwc_conv {
    struct hwc_window window;
    int32_t in_channels, out_channels, groups;
    const int8_t *weights;
    const int32_t *bias, *multipliers;
    int16_t shift, input_zero;
    struct hwc_clamp range;
};
void hwc_conv(const struct hwc_conv *layer, const int8_t *in, int8_t *out, void *scratch);
void hwc_depthwise(const struct hwc_conv *layer, const int8_t *in, int8_t *out, void *scratch);
void hwc_conv_transposed(const struct hwc_conv *layer, const int8_t *in, int8_t *out, void *scratch);

/* Rows of features, each times the weights [out_features][in_features]; a pointwise convolution is a dense layer over its places. */
struct hwc_dense {
    int32_t rows, in_features, out_features;
    const int8_t *weights;
    const int32_t *bias, *multipliers;
    int16_t shift;
    struct hwc_clamp range;
};
void hwc_dense(const struct hwc_dense *layer, const int8_t *in, int8_t *out, void *scratch);

/* Products of two activations: [batch][rows][depth] times [batch][depth][columns]. A step is the distance between the matrices of a batch. */
struct hwc_matmul {
    int32_t batch, rows, depth, columns, left_step, right_step;
    int32_t multiplier;
    int16_t shift, left_zero, right_zero;
    struct hwc_clamp range;
};
void hwc_matmul(const struct hwc_matmul *layer, const int8_t *left, const int8_t *right, int8_t *out, void *scratch);

/* Two operands element by element over up to four axes; a step of 0 repeats an operand along that axis. */
struct hwc_pairs {
    int32_t size[4], left_step[4], right_step[4];
};

/* (left - left_zero) * left_multiplier + (right - right_zero) * right_multiplier, rescaled by the shift alone. */
struct hwc_sum {
    struct hwc_pairs pairs;
    const int8_t *constant;
    int32_t left_multiplier, right_multiplier;
    int16_t shift, left_zero, right_zero;
    struct hwc_clamp range;
};
void hwc_sum(const struct hwc_sum *layer, const int8_t *left, const int8_t *right, int8_t *out, void *scratch);
void hwc_sum_constant(const struct hwc_sum *layer, const int8_t *left, int8_t *out, void *scratch);

/* (left - left_zero) * (right - right_zero), rescaled. */
struct hwc_product {
    struct hwc_pairs pairs;
    const int8_t *constant;
    int32_t multiplier;
    int16_t shift, left_zero, right_zero;
    struct hwc_clamp range;
};
void hwc_product(const struct hwc_product *layer, const int8_t *left, const int8_t *right, int8_t *out, void *scratch);
void hwc_product_constant(const struct hwc_product *layer, const int8_t *left, int8_t *out, void *scratch);

/* The larger (or smaller) of two values on the same scale. */
struct hwc_extreme {
    struct hwc_pairs pairs;
    int32_t largest;
};
void hwc_extreme(const struct hwc_extreme *layer, const int8_t *left, const int8_t *right, int8_t *out, void *scratch);

/* Any function of one value: out = table[channel * table_step + in + 128]; a step of 0 is one table for all channels. */
struct hwc_lookup {
    int32_t places, channels, table_step;
    const int8_t *table;
};
void hwc_lookup(const struct hwc_lookup *layer, const int8_t *in, int8_t *out, void *scratch);

/* The largest value of each window, channel by channel; places outside the image do not count. */
struct hwc_max_pool {
    struct hwc_window window;
    int32_t channels;
    struct hwc_clamp range;
};
void hwc_max_pool(const struct hwc_max_pool *layer, const int8_t *in, int8_t *out, void *scratch);

/* The sum of each window times multipliers[places counted - 1]; `count_padding` counts places outside the image, which add nothing. */
struct hwc_average_pool {
    struct hwc_window window;
    int32_t channels;
    const int32_t *multipliers;
    int16_t shift, input_zero, count_padding;
    struct hwc_clamp range;
};
void hwc_average_pool(const struct hwc_average_pool *layer, const int8_t *in, int8_t *out, void *scratch);

/* One output for each of kept[0] x kept[1], over reduced[0] x reduced[1] inputs; steps are distances between them in the input. */
struct hwc_reduction {
    int32_t kept[2], kept_step[2], reduced[2], reduced_step[2];
    int32_t multiplier;
    int16_t shift, input_zero, largest;
    struct hwc_clamp range;
};
void hwc_reduce_sum(const struct hwc_reduction *layer, const int8_t *in, int8_t *out, void *scratch);
void hwc_reduce_extreme(const struct hwc_reduction *layer, const int8_t *in, int8_t *out, void *scratch);

/* Index of the first largest (or smallest) of `length` values, for each place before and after that axis. */
struct hwc_arg_max {
    int32_t before, length, after, largest;
};
void hwc_arg_max(const struct hwc_arg_max *layer, const int8_t *in, int32_t *out, void *scratch);

/* Inputs side by side. Input i fills bytes[i] of each row of the output, through the table of 256 at table_at[i] (-1: as it is). */
struct hwc_concat {
    int32_t rows, count;
    const int32_t *bytes, *table_at;
    const int8_t *tables;
};
void hwc_concat(const struct hwc_concat *layer, const int8_t *const *inputs, int8_t *out, void *scratch);

/* out[i, j, ...] = in[base + table0[i] + table1[j] + ...], or `fill` where an entry is negative; the tables stand one after another. */
struct hwc_move {
    int32_t axes, base, fill;
    const int32_t *sizes, *tables;
};
void hwc_move(const struct hwc_move *layer, const int8_t *in, int8_t *out, void *scratch);
void hwc_move_words(const struct hwc_move *layer, const int32_t *in, int32_t *out, void *scratch);

/* The same bytes at another address. */
struct hwc_copy {
    int32_t bytes;
};
void hwc_copy(const struct hwc_copy *layer, const void *in, void *out, void *scratch);

/* Shares of each row's exponentials; factor is 2^16 / output scale. */
struct hwc_softmax {
    int32_t rows, length;
    const uint32_t *exponentials;
    uint32_t factor;
    struct hwc_clamp range;
};
void hwc_softmax(const struct hwc_softmax *layer, const int8_t *in, int8_t *out, void *scratch);

/* Between IEEE singles and int8. */
struct hwc_scale {
    int32_t elements;
    float scale;
    int32_t zero;
};
void hwc_quantise(const struct hwc_scale *layer, const float *in, int8_t *out, void *scratch);
void hwc_dequantise(const struct hwc_scale *layer, const int8_t *in, float *out, void *scratch);

#endif
