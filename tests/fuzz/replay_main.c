/*
 * Runs a fuzz target over every file of the folders named on the command line, so that each test
 * run covers old findings without libFuzzer.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/mem.h"
#include "fuzz.h"

static bool replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    long size;

    if (!f)
        return false;
    if (fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0 || fseek(f, 0, SEEK_SET) != 0) {
        (void)fclose(f);
        return false;
    }
    auto_mem uint8_t *bytes = mem_alloc((size_t)size);
    size_t got = fread(bytes, 1, (size_t)size, f);

    (void)fclose(f);
    if (got != (size_t)size)
        return false;
    (void)LLVMFuzzerTestOneInput(bytes, got);
    return true;
}

int main(int argc, char **argv)
{
    size_t n_files = 0;

    for (int i = 1; i < argc; i++) {
        DIR *dir = opendir(argv[i]);
        struct dirent *entry;

        if (!dir) {
            fprintf(stderr, "%s: cannot open the corpus\n", argv[i]);
            return 1;
        }
        while ((entry = readdir(dir))) {
            if (entry->d_name[0] == '.')
                continue;
            auto_mem char *path = mem_printf("%s/%s", argv[i], entry->d_name);

            if (!replay_file(path)) {
                fprintf(stderr, "%s: cannot read\n", path);
                return 1;
            }
            n_files++;
        }
        (void)closedir(dir);
    }
    printf("%zu inputs\n", n_files);
    return n_files > 0 ? 0 : 1; /* a corpus without seeds tests nothing */
}
