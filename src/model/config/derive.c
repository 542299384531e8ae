/* Addresses and tags derived from names (reference: config sections 16.3 and 18.1). */
#include "model/config/config.h"

#include "base/mem.h"
#include "base/sha256.h"
#include "sys/file.h"
#include "wire/exporter.h"

char *config_hostname(const char *instance_name)
{
    char *hostname = mem_printf("lima-%s", instance_name);

    for (char *p = hostname; *p; p++)
        if (*p == '.' || *p == '_')
            *p = '-';
    return hostname;
}

static char *mac_of(const struct host_facts *host, const char *key)
{
    auto_mem char *text = mem_printf("%s%s", host->machine_id, key);
    uint8_t digest[SHA256_LEN];

    sha256(sv_of(text), digest);
    return mem_printf("52:55:55:%02x:%02x:%02x", digest[0], digest[1], digest[2]);
}

char *config_primary_mac(const struct host_facts *host, const char *instance_dir)
{
    return mac_of(host, instance_dir);
}

char *config_network_mac(const struct host_facts *host, const char *yaml_path, size_t index)
{
    auto_mem char *key = mem_printf("%s#%zu", yaml_path, index);

    return mac_of(host, key);
}

char *config_mount_source(const char *export_name, const char *location)
{
    return file_is_regular(location) ? mem_printf("%s/" EXPORTER_FILE_NAME, export_name)
                                     : mem_strdup(export_name);
}

char *config_mount_tag(const struct mount_config *mount)
{
    auto_mem char *text = mem_printf("%s:%s", mount->location, mount->mount_point);
    auto_sb struct sb tag = { 0 };
    uint8_t digest[SHA256_LEN];

    sha256(sv_of(text), digest);
    sb_put(&tag, SV("lima-"));
    for (size_t i = 0; i < 8; i++)
        sb_putf(&tag, "%02x", digest[i]);
    return sb_steal(&tag);
}
