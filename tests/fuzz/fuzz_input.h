/*
 * Takes the input of a fuzz target apart; zeros come after its end.
 */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include <stdint.h>
#include <string.h>

struct fuzz_input {
    const uint8_t *p;
    size_t n;
};

static inline uint8_t fuzz_u8(struct fuzz_input *in)
{
    if (in->n == 0)
        return 0;
    in->n--;
    return *in->p++;
}

static inline uint16_t fuzz_u16(struct fuzz_input *in)
{
    uint16_t low = fuzz_u8(in);

    return (uint16_t)(low | fuzz_u8(in) << 8);
}

static inline uint32_t fuzz_u32(struct fuzz_input *in)
{
    uint32_t low = fuzz_u16(in);

    return low | (uint32_t)fuzz_u16(in) << 16;
}

static inline size_t fuzz_bytes(struct fuzz_input *in, void *out, size_t n)
{
    if (n > in->n)
        n = in->n;
    if (n > 0)
        memcpy(out, in->p, n);
    in->p += n;
    in->n -= n;
    return n;
}

#endif
