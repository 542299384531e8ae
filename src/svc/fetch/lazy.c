#include "svc/fetch/lazy.h"

#include <dlfcn.h>
#include <string.h>

bool lazy_load(const char *what, const char *const *sonames, const struct lazy_symbol *symbols,
               size_t n_symbols, struct err **errp)
{
    void *library = NULL;

    for (size_t i = 0; sonames[i] && !library; i++)
        library = dlopen(sonames[i], RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        (void)err_set(errp, ERR_NOT_FOUND, "cannot load %s (%s)", what, sonames[0]);
        return err_hint(errp, "install the package that contains %s", sonames[0]);
    }
    for (size_t i = 0; i < n_symbols; i++) {
        void *address = dlsym(library, symbols[i].name);

        if (!address) {
            (void)dlclose(library);
            return err_set(errp, ERR_UNSUPPORTED, "this version of %s lacks %s", what,
                           symbols[i].name);
        }
        memcpy(symbols[i].slot, &address, sizeof(address));
    }
    return true;
}
