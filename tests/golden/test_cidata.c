/*
 * Seeds against recorded ones. A case is a folder:
 *
 *     lima.yaml
 *     input.json   what is not of the configuration, all optional: "gateway", "dns", "address",
 *                  "dnsAddresses", "nics" ([["mac", "name", metric], ...]), "environ", "caCerts",
 *                  "agent", "mountsInFstab", "debug"
 *     seed.txt     every file of the seed but the contents of the boot scripts, or the error
 *
 * UPDATE_GOLDEN=1 rewrites seed.txt.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "lang/json/json.h"
#include "model/config/config.h"
#include "svc/cidata/cidata.h"
#include "sys/file.h"

#include "golden.h"

#define FILE_MAX ((size_t)1 << 20)

static const char *text_of(const json_t *doc, const char *key, const char *other)
{
    const char *text = json_string_value(json_object_get(doc, key));

    return text ? text : other;
}

static void texts_of(const json_t *doc, const char *key, struct strv *out)
{
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(doc, key), i, item) strv_push(out, json_string_value(item));
}

static bool load(const char *yaml, struct instance_config *out, struct err **errp)
{
    AUTO_CALL(config_env_done)
    struct config_env env = {
        .host = { .os = mem_strdup("linux"),
                  .arch = mem_strdup("x86_64"),
                  .cpus = 4,
                  .memory = UINT64_C(8) << 30,
                  .timezone = mem_strdup("Europe/Berlin"),
                  .machine_id = mem_strdup("0123456789abcdef0123456789abcdef"),
                  .user_name = mem_strdup("u"),
                  .user_comment = mem_strdup("U. Ser"),
                  .user_home = mem_strdup("/home/u"),
                  .temp_dir = mem_strdup("/tmp"),
                  .uid = 1000 },
        .lima_home = mem_strdup("/home/u/.lima"),
    };

    return config_load(
        out, &env,
        &(struct config_input){
            .name = "vm1", .dir = "/home/u/.lima/vm1", .path = "lima.yaml", .text = sv_of(yaml) },
        NULL, errp);
}

static void put_seed(struct sb *out, const struct cidata *seed)
{
    for (size_t i = 0; i < seed->n; i++) {
        const struct cidata_entry *entry = &seed->v[i];

        sb_putf(out, "==== %s %o", entry->path, (unsigned)entry->mode);
        if (entry->source_path) {
            sb_putf(out, " from %s\n", entry->source_path);
        } else if (str_starts(entry->path, "boot.")) {
            sb_puts(out, "\n");
        } else {
            sb_puts(out, "\n");
            sb_put_mem(out, entry->data, entry->size);
        }
    }
}

static bool render(const struct instance_config *config, const json_t *doc, struct sb *out,
                   struct err **errp)
{
    static const struct cidata_nic default_nic = { "52:55:55:00:00:01", "eth0", 200 };
    auto_strv struct strv keys = { 0 }, dns = { 0 }, host_environ = { 0 }, env = { 0 };
    auto_strv struct strv certs = { 0 };
    auto_cidata struct cidata seed = { 0 };
    struct cidata_nic nics[4] = { default_nic };
    json_t *nic;
    size_t n_nics;

    strv_push(&keys, "ssh-ed25519 AAAA lima");
    texts_of(doc, "dnsAddresses", &dns);
    texts_of(doc, "environ", &host_environ);
    texts_of(doc, "caCerts", &certs);
    json_array_foreach(json_object_get(doc, "nics"), n_nics, nic) nics[n_nics] =
        (struct cidata_nic){ json_string_value(json_array_get(nic, 0)),
                             json_string_value(json_array_get(nic, 1)),
                             (uint32_t)json_integer_value(json_array_get(nic, 2)) };

    struct cidata_input in = {
        .config = config,
        .name = "vm1",
        .hostname = "lima-vm1",
        .iid = "iid-1700000000",
        .driver = "qemu",
        .ssh_keys = &keys,
        .gateway = text_of(doc, "gateway", "192.168.5.2"),
        .dns = text_of(doc, "dns", "192.168.5.3"),
        .address = text_of(doc, "address", "192.168.5.15"),
        .dns_addresses = &dns,
        .nics = nics,
        .n_nics = n_nics ? n_nics : 1,
        .env = &env,
        .ca_certs = &certs,
        .host_home = "/home/u",
        .mounts_in_fstab = json_is_true(json_object_get(doc, "mountsInFstab")),
        .vsock_port = 2222,
        .virtio_port = "",
        .zone_data = sv_of(text_of(doc, "zoneData", "")),
        .guest_agent_path = text_of(doc, "agent", NULL),
        .debug = json_is_true(json_object_get(doc, "debug")),
    };

    cidata_environment(config, strv_array(&host_environ), in.gateway, &env);
    if (!cidata_render(&in, &seed, errp))
        return false;
    put_seed(out, &seed);
    return true;
}

static bool case_run(const char *dir, struct err **errp)
{
    auto_mem char *yaml_path = path_join(dir, "lima.yaml"), *yaml = NULL;
    auto_mem char *input_path = path_join(dir, "input.json"), *input = NULL;
    auto_config struct instance_config config = { 0 };
    auto_json json_t *doc = NULL;
    auto_sb struct sb actual = { 0 };
    auto_err struct err *err = NULL;

    if (!file_read_text(yaml_path, FILE_MAX, &yaml, errp) || !load(yaml, &config, errp))
        return false;
    if (file_exists(input_path) && !file_read_text(input_path, FILE_MAX, &input, errp))
        return false;
    doc = json_parse(sv_of(input ? input : "{}"), errp);
    if (!doc)
        return false;
    if (!render(&config, doc, &actual, &err))
        sb_putf(&actual, "error: %s\n", err_text(err));
    return golden_settle(dir, "seed.txt", sb_view(&actual), errp);
}

int main(int argc, char **argv)
{
    return golden_main(argc, argv, case_run);
}
