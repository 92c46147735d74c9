/* The cells of a pooling window that lie inside the image. */
#ifndef HWC_CELLS_H
#define HWC_CELLS_H

#include "hwc.h"

/* `rows` x `columns` cells from the first on, and the bytes from one to the next; none where the window lies outside. */
struct hwc_cells {
    const int8_t *first;
    int32_t rows, columns, row_step, column_step;
};

/* How many of `count` places, from `start` on by `step`, come before `end`. */
static inline int32_t hwc_places_before(int32_t start, int32_t step, int32_t count, int32_t end) {
    int32_t found = 0;
    HWC_AS_WRITTEN
    for (; found < count && start < end; start += step) found++;
    return found;
}

/* The cells of the window whose upper left corner is (y, x). */
static inline struct hwc_cells hwc_cells_inside(const struct hwc_window *w, const int8_t *in, int32_t channels, int32_t y, int32_t x) {
    int32_t above = hwc_places_before(y, w->dilation_y, w->kernel_height, 0), before = hwc_places_before(x, w->dilation_x, w->kernel_width, 0);
    y += above * w->dilation_y;
    x += before * w->dilation_x;
    return (struct hwc_cells){
        in + (y * w->in_width + x) * channels,
        hwc_places_before(y, w->dilation_y, w->kernel_height - above, w->in_height),
        hwc_places_before(x, w->dilation_x, w->kernel_width - before, w->in_width),
        w->dilation_y * w->in_width * channels,
        w->dilation_x * channels,
    };
}

#endif
