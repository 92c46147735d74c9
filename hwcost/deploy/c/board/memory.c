/* The functions of the C library that compilers call on their own: copying and filling. */
#include <stddef.h>
#include <stdint.h>

/* Whether an address is that of a word. */
static inline int whole(uintptr_t address) {
    return (address & 3u) == 0;
}

/* `bytes` bytes from one place to another; the two do not overlap. */
void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
    uint8_t *out = to;
    const uint8_t *in = from;
    if (whole((uintptr_t)to | (uintptr_t)from)) {
        for (; bytes >= 16; bytes -= 16, in += 16, out += 16) {
            const uint32_t *word = (const uint32_t *)in;
            uint32_t a = word[0], b = word[1], c = word[2], d = word[3];
            ((uint32_t *)out)[0] = a;
            ((uint32_t *)out)[1] = b;
            ((uint32_t *)out)[2] = c;
            ((uint32_t *)out)[3] = d;
        }
        for (; bytes >= 4; bytes -= 4, in += 4, out += 4) *(uint32_t *)out = *(const uint32_t *)in;
    }
    while (bytes--) *out++ = *in++;
    return to;
}

/* As memcpy, where the two may overlap. */
void *memmove(void *to, const void *from, size_t bytes) {
    uint8_t *out = to;
    const uint8_t *in = from;
    if (out <= in || out >= in + bytes) {
        while (bytes--) *out++ = *in++;
    } else {
        while (bytes--) out[bytes] = in[bytes];
    }
    return to;
}

/* `bytes` bytes of one value. */
void *memset(void *to, int value, size_t bytes) {
    uint8_t *out = to;
    uint32_t word = (uint8_t)value * 0x01010101u;
    for (; bytes && !whole((uintptr_t)out); bytes--) *out++ = (uint8_t)value;
    for (; bytes >= 16; bytes -= 16, out += 16) {
        ((uint32_t *)out)[0] = word;
        ((uint32_t *)out)[1] = word;
        ((uint32_t *)out)[2] = word;
        ((uint32_t *)out)[3] = word;
    }
    for (; bytes >= 4; bytes -= 4, out += 4) *(uint32_t *)out = word;
    while (bytes--) *out++ = (uint8_t)value;
    return to;
}

#if defined(__arm__)
/* The same under the names of Arm's run-time ABI. */
void __aeabi_memcpy(void *to, const void *from, size_t bytes) { memcpy(to, from, bytes); }
void __aeabi_memcpy4(void *to, const void *from, size_t bytes) { memcpy(to, from, bytes); }
void __aeabi_memcpy8(void *to, const void *from, size_t bytes) { memcpy(to, from, bytes); }
void __aeabi_memmove(void *to, const void *from, size_t bytes) { memmove(to, from, bytes); }
void __aeabi_memmove4(void *to, const void *from, size_t bytes) { memmove(to, from, bytes); }
void __aeabi_memmove8(void *to, const void *from, size_t bytes) { memmove(to, from, bytes); }
void __aeabi_memset(void *to, size_t bytes, int value) { memset(to, value, bytes); }
void __aeabi_memset4(void *to, size_t bytes, int value) { memset(to, value, bytes); }
void __aeabi_memset8(void *to, size_t bytes, int value) { memset(to, value, bytes); }
void __aeabi_memclr(void *to, size_t bytes) { memset(to, 0, bytes); }
void __aeabi_memclr4(void *to, size_t bytes) { memset(to, 0, bytes); }
void __aeabi_memclr8(void *to, size_t bytes) { memset(to, 0, bytes); }
#endif
