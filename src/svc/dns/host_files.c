#include "svc/dns/host_files.h"

#include "base/log.h"
#include "base/mem.h"
#include "sys/file.h"

enum { FILE_SIZE_MAX = 16 << 20 }; /* hosts files that block half of the world are long */

static const char fallback[] = "nameserver 8.8.8.8\nnameserver 1.1.1.1\n";

static bool is_same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Its text when it is not what was read last, owned; NULL when there is no news. */
static char *read_news(struct dns_host_file *file)
{
    struct stat now;
    char *text;

    if (stat(file->path, &now) < 0 ||
        (file->is_known && now.st_dev == file->device && now.st_ino == file->inode &&
         now.st_size == file->size && is_same_time(now.st_mtim, file->modified) &&
         is_same_time(now.st_ctim, file->changed)) ||
        !file_read_text(file->path, FILE_SIZE_MAX, &text, NULL))
        return NULL; /* not worth a line each time that a guest asks */
    /* What is written after the stat() has another time, and is read the next time. */
    file->is_known = true;
    file->device = now.st_dev;
    file->inode = now.st_ino;
    file->size = now.st_size;
    file->modified = now.st_mtim;
    file->changed = now.st_ctim;
    return text;
}

static void log_servers(const struct resolv_conf *conf)
{
    auto_strv struct strv texts = { 0 };
    auto_mem char *list = NULL;

    for (size_t i = 0; i < conf->n_servers; i++)
        strv_push_take(&texts, resolv_server_text(&conf->servers[i]));
    list = strv_join(&texts, ", ");
    log_debug("name servers of this host: %s", texts.n ? list : "none");
}

static void read_conf(struct dns_host_files *files, const char *text)
{
    resolv_conf_done(&files->conf);
    resolv_conf_parse(sv_of(text), &files->conf);
    log_servers(&files->conf);
}

bool dns_host_files_refresh(struct dns_host_files *files)
{
    auto_mem char *hosts = read_news(&files->hosts_file);
    auto_mem char *conf = read_news(&files->conf_file);

    if (hosts) {
        dns_names_done(&files->hosts);
        dns_names_read_hosts(&files->hosts, sv_of(hosts));
    }
    if (conf)
        read_conf(files, conf);
    return conf != NULL;
}

void dns_host_files_init(struct dns_host_files *files, const char *resolv_conf_path,
                         const char *hosts_path)
{
    *files = (struct dns_host_files){ .conf_file.path = mem_strdup(resolv_conf_path),
                                      .hosts_file.path = mem_strdup(hosts_path) };
    if (!dns_host_files_refresh(files))
        read_conf(files, fallback);
}

void dns_host_files_done(struct dns_host_files *files)
{
    resolv_conf_done(&files->conf);
    dns_names_done(&files->hosts);
    free(files->conf_file.path);
    free(files->hosts_file.path);
    *files = (struct dns_host_files){ 0 };
}
