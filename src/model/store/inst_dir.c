#include "model/store/inst_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/quote.h"
#include "model/config/identifier.h"
#include "model/store/names.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/sock.h"

#define VERSION_SIZE_MAX 256

static bool ends_with_any_case(const char *text, const char *suffix)
{
    size_t n = strlen(text), m = strlen(suffix);

    return n >= m && strcasecmp(text + n - m, suffix) == 0;
}

bool inst_name_check(const char *name, struct err **errp)
{
    auto_mem char *quoted = quote_tick_dup(name);

    if (!identifier_check(name, errp))
        return err_wrap(errp, "instance name %s is not a valid identifier", quoted);
    if (ends_with_any_case(name, ".yml") || ends_with_any_case(name, ".yaml"))
        return err_set(errp, ERR_INVALID, "instance name %s must not end with .yml or .yaml suffix",
                       quoted);
    return true;
}

bool inst_name_is_valid(const char *name)
{
    return inst_name_check(name, NULL);
}

char *inst_hostname(const char *name)
{
    return config_hostname(name);
}

char *inst_dir(const struct store *store, const char *name)
{
    return store_path(store, name);
}

char *inst_path(const struct store *store, const char *name, const char *file_name)
{
    return mem_printf("%s/%s/%s", store->home, name, file_name);
}

bool inst_exists(const struct store *store, const char *name)
{
    auto_mem char *path = inst_path(store, name, NAME_LIMA_YAML);

    return file_exists(path);
}

/* Files and links are no instances, not even links to directories. */
static bool is_instance_entry(int dir_fd, const struct dirent *entry)
{
    struct stat st;

    if (entry->d_name[0] == '.' || entry->d_name[0] == '_')
        return false;
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR;
    return fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

bool inst_list(const struct store *store, struct strv *out, struct err **errp)
{
    DIR *dir = opendir(store->home);
    struct dirent *entry;

    if (!dir)
        return errno == ENOENT ||
               err_set_os(errp, errno, "cannot read the Lima home %s", store->home);
    while ((entry = readdir(dir)))
        if (is_instance_entry(dirfd(dir), entry))
            strv_push(out, entry->d_name);
    closedir(dir);
    strv_sort(out);
    return true;
}

bool inst_dir_check_length(const struct store *store, const char *name, struct err **errp)
{
    auto_mem char *path = inst_path(store, name, NAME_SSH_SOCK_LONGEST);
    auto_mem char *quoted_name = NULL, *quoted_path = NULL;

    if (strlen(path) <= SOCK_PATH_MAX)
        return true;
    quoted_name = quote_tick_dup(name);
    quoted_path = quote_tick_dup(path);
    return err_set(
        errp, ERR_INVALID,
        "instance name %s too long: %s must be less than UNIX_PATH_MAX=%d characters, but "
        "is %zu",
        quoted_name, quoted_path, SOCK_PATH_MAX + 1, strlen(path));
}

static bool write_file(const char *dir, const char *name, struct sv bytes, mode_t mode,
                       struct err **errp)
{
    auto_mem char *path = path_join(dir, name);

    return file_write_atomic(path, bytes, mode, errp);
}

bool inst_dir_create(const struct store *store, const char *name, struct sv yaml, struct err **errp)
{
    auto_mem char *dir = inst_dir(store, name);
    struct err *err = NULL;

    if (!store_make_home(store, errp))
        return false;
    if (!dir_make(dir, 0700, &err)) {
        auto_mem char *quoted_name = quote_tick_dup(name), *quoted_dir = quote_tick_dup(dir);

        if (err_kind(err) != ERR_EXISTS)
            return err_propagate(errp, err);
        err_free(err);
        return err_set(errp, ERR_EXISTS, "instance %s already exists (%s)", quoted_name,
                       quoted_dir);
    }
    if (write_file(dir, NAME_LIMA_VERSION, SV(LIMA_VERSION "+clima." CLIMA_VERSION), 0444, errp) &&
        write_file(dir, NAME_LIMA_YAML, yaml, 0644, errp))
        return true;
    /* The first failure is the one to report. */
    (void)!dir_remove_tree(dir, NULL);
    return false;
}

bool inst_dir_was_used(const char *dir)
{
    static const char *const traces[] = { NAME_HA_STDOUT_LOG, NAME_HA_STDERR_LOG,
                                          NAME_VZ_IDENTIFIER, NAME_IMAGE,
                                          NAME_DISK,          NAME_BASE_DISK,
                                          NAME_DIFF_DISK,     NAME_CIDATA_ISO };

    for (size_t i = 0; i < COUNT(traces); i++) {
        auto_mem char *path = path_join(dir, traces[i]);

        if (file_exists(path))
            return true;
    }
    return false;
}

char *inst_dir_version(const char *dir)
{
    auto_mem char *path = path_join(dir, NAME_LIMA_VERSION);
    char *text;

    if (!file_read_text(path, VERSION_SIZE_MAX, &text, NULL))
        return mem_strdup("");
    text[strcspn(text, "\r\n")] = '\0';
    return text;
}

char *inst_dir_creator(const char *dir)
{
    return inst_dir_was_used(dir) ? inst_dir_version(dir) : NULL;
}

bool inst_dir_is_protected(const char *dir)
{
    auto_mem char *path = path_join(dir, NAME_PROTECTED);

    return file_exists(path);
}
