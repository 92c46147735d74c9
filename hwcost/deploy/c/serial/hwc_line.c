/* Lines of the serial protocol: `$word name=value*CCCC`, CCCC the CRC-16/CCITT (start 0xFFFF) of what is between `$` and `*`. */
#include "hwc_serial.h"

static const char digits[] = "0123456789ABCDEF";
static uint16_t said;

/* A checksum with one more byte in it: polynomial x^16 + x^12 + x^5 + 1. */
static uint16_t summed(uint16_t sum, uint8_t byte) {
    sum ^= (uint16_t)(byte << 8);
    for (int bit = 0; bit < 8; bit++) sum = (uint16_t)(sum & 0x8000u ? sum << 1 ^ 0x1021 : sum << 1);
    return sum;
}

/* One character of a line, which its checksum covers. */
static void put(char character) {
    said = summed(said, (uint8_t)character);
    hwc_write_byte((uint8_t)character);
}

/* Characters as they are. */
static void put_all(const char *text) {
    while (*text) put(*text++);
}

/* ` name=` */
static void put_name(const char *name) {
    put(' ');
    put_all(name);
    put('=');
}

/* Whether a character stands for itself in a value. */
static int plain(char c) {
    int letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return letter || c == '_' || c == '.' || c == ',' || c == ':' || c == '/' || c == '+' || c == '-';
}

void hwc_say(const char *word) {
    hwc_write_byte('$');
    said = 0xFFFF;
    put_all(word);
}

/* A number in decimal. */
static void put_number(uint64_t value) {
    char text[20];
    int count = 0;
    do {
        uint64_t rest = 0, tenth = 0;
        for (int bit = 63; bit >= 0; bit--) { /* division by ten without the compiler's function for 64 bits */
            rest = rest << 1 | (value >> bit & 1u);
            tenth <<= 1;
            if (rest >= 10) rest -= 10, tenth |= 1;
        }
        text[count++] = digits[rest];
        value = tenth;
    } while (value);
    while (count) put(text[--count]);
}

void hwc_say_number(const char *name, uint64_t value) {
    put_name(name);
    put_number(value);
}

void hwc_say_sizes(const char *name, const struct hwc_port *ports, uint32_t count) {
    put_name(name);
    for (uint32_t i = 0; i < count; i++) {
        if (i) put(',');
        put_number(ports[i].bytes);
    }
}

void hwc_say_text(const char *name, const char *text) {
    put_name(name);
    for (; *text; text++) {
        if (plain(*text)) {
            put(*text);
        } else {
            put('%');
            put(digits[(uint8_t)*text >> 4]);
            put(digits[*text & 15]);
        }
    }
}

void hwc_say_hex(const char *name, const uint8_t *bytes, uint32_t count) {
    put_name(name);
    for (; count; count--, bytes++) {
        put(digits[*bytes >> 4]);
        put(digits[*bytes & 15]);
    }
}

void hwc_say_end(void) {
    uint16_t sum = said;
    hwc_write_byte('*');
    for (int shift = 12; shift >= 0; shift -= 4) hwc_write_byte((uint8_t)digits[sum >> shift & 15]);
    hwc_write_byte('\n');
}

/* What a hexadecimal digit stands for; 16 for anything else. */
static uint32_t digit(char c) {
    if (c >= '0' && c <= '9') return (uint32_t)(c - '0');
    if (c >= 'A' && c <= 'F') return (uint32_t)(c - 'A') + 10;
    if (c >= 'a' && c <= 'f') return (uint32_t)(c - 'a') + 10;
    return 16;
}

/* Whether the text ends with the checksum of what is before it; if so it is cut off there. */
static int checked(char *text, uint32_t length) {
    uint16_t sum = 0xFFFF;
    uint32_t claimed = 0;
    if (length < 5 || text[length - 5] != '*') return 0;
    for (uint32_t i = 0; i < length - 5; i++) sum = summed(sum, (uint8_t)text[i]);
    for (uint32_t i = length - 4; i < length; i++) {
        if (digit(text[i]) > 15) return 0;
        claimed = claimed << 4 | digit(text[i]);
    }
    text[length - 5] = 0;
    return claimed == sum;
}

int hwc_hear(char line[HWC_LINE_BYTES]) {
    uint32_t length = 0;
    int started = 0, damaged = 0;
    for (;;) {
        int byte = hwc_read_byte();
        if (byte < 0) return 0;
        if (byte == '$') {
            length = 0; /* a line begins, whatever was before it */
            started = 1;
            damaged = 0;
        } else if (byte == '\n' || byte == '\r') {
            if (started) return !damaged && checked(line, length) ? 1 : -1;
        } else if (length < HWC_LINE_BYTES - 2) {
            line[length++] = (char)byte;
        } else {
            damaged = 1;
        }
    }
}

const char *hwc_heard(const char *line, const char *name) {
    for (; *line; line++) {
        if (*line != ' ') continue;
        const char *at = line + 1, *wanted = name;
        while (*wanted && *at == *wanted) at++, wanted++;
        if (!*wanted && *at == '=') return at + 1;
    }
    return 0;
}

uint32_t hwc_heard_number(const char *line, const char *name, uint32_t otherwise) {
    const char *at = hwc_heard(line, name);
    uint32_t value = 0;
    if (!at || *at < '0' || *at > '9') return otherwise;
    for (; *at >= '0' && *at <= '9'; at++) value = value * 10 + (uint32_t)(*at - '0');
    return value;
}

uint32_t hwc_hex_bytes(const char *hex) {
    uint32_t count = 0;
    while (digit(hex[count]) < 16) count++;
    return count % 2 || (hex[count] && hex[count] != ' ') ? 0 : count / 2;
}

uint8_t hwc_hex_byte(const char *hex) {
    return (uint8_t)(digit(hex[0]) << 4 | digit(hex[1]));
}
