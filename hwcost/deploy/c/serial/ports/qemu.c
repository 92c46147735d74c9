/* The hooks filled in for machines that are emulated: Arm's MPS2 boards (CMSDK UART) and RISC-V's virt (16550). An example for others.
 *
 * HWC_UART is the address of the serial line's registers, HWC_CLOCK_HZ how fast the counter of hwc_cycles.c counts. */
#include "../hwc_serial.h"

#define REGISTER(offset) (*(volatile uint32_t *)(uintptr_t)(HWC_UART + (offset)))
#define REGISTER8(offset) (*(volatile uint8_t *)(uintptr_t)(HWC_UART + (offset)))

#if defined(__riscv) && !defined(HWC_CMSDK)

int hwc_read_byte(void) {
    while (!(REGISTER8(5) & 1)) {
    }
    return REGISTER8(0);
}

void hwc_write_byte(uint8_t byte) {
    while (!(REGISTER8(5) & 0x20)) {
    }
    REGISTER8(0) = byte;
}

#else

/* Data at 0; at 4 whether sending (1) and receiving (2) are full; at 8 what is switched on; at 16 the divider of the bus clock. */
int hwc_read_byte(void) {
    REGISTER(16) = 16;
    REGISTER(8) = 3;
    while (!(REGISTER(4) & 2)) {
    }
    return (int)(REGISTER(0) & 255u);
}

void hwc_write_byte(uint8_t byte) {
    REGISTER(16) = 16;
    REGISTER(8) = 3;
    while (REGISTER(4) & 1) {
    }
    REGISTER(0) = byte;
}

#endif

uint32_t hwc_clock_hz(void) {
    return HWC_CLOCK_HZ;
}

/* What the firmware does after start-up. */
void hwc_main(void);
void hwc_main(void) {
    hwc_serve();
}
