/* Rescaling by 32 bits on cores without a long multiplication. */
#ifndef HWC_PLAIN_RESCALE_H
#define HWC_PLAIN_RESCALE_H

#include <stdint.h>

/* floor((a * multiplier + 2^31) / 2^32) from four products of 16 bits; multiplier >= 0. */
static inline int32_t hwc_plain_rescale(int32_t a, int32_t multiplier) {
    uint32_t a_low = (uint32_t)a & 0xffff, m_low = (uint32_t)multiplier & 0xffff;
    int32_t a_high = a >> 16, m_high = multiplier >> 16;
    int32_t middle = a_high * (int32_t)m_low + (int32_t)(a_low * m_low >> 16);
    int32_t low = (int32_t)(a_low * (uint32_t)m_high + ((uint32_t)middle & 0xffff));
    return a_high * m_high + (middle >> 16) + ((low + 0x8000) >> 16);
}

#endif
