#include "base/sha256.h"

#include "base/mem.h"
#include "base/sb.h"

#include "unit_test.h"

static void digests_match_known_ones_around_block_borders(void **state)
{
    static const struct {
        size_t n; /* times "a" */
        const char *digest;
    } cases[] = {
        { 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { 1, "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb" },
        { 55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318" },
        { 56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a" },
        { 63, "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34" },
        { 64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb" },
        { 65, "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0" },
        { 119, "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb" },
        { 120, "2f3d335432c70b580af0e8e1b3674a7c020d683aa5f73aaaedfdc55af904c21c" },
        { 1000, "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_mem char *text = mem_alloc(cases[i].n);
        auto_sb struct sb hex = { 0 };
        uint8_t digest[SHA256_LEN];

        memset(text, 'a', cases[i].n);
        sha256((struct sv){ text, cases[i].n }, digest);
        for (size_t j = 0; j < sizeof(digest); j++)
            sb_putf(&hex, "%02x", digest[j]);
        assert_string_equal(sb_str(&hex), cases[i].digest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_match_known_ones_around_block_borders),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
