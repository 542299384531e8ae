/* The field tables of all sections; their rows stand in the headers. */
#include "model/config/instance.h"

#define FIELD_OWNER file_config
static const struct field file_rows[] = { FILE_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
const struct field_table file_config_table = FIELD_TABLE("File", file_config, file_rows);

#define FIELD_OWNER kernel_config
static const struct field kernel_rows[] = { KERNEL_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
const struct field_table kernel_config_table = FIELD_TABLE("Kernel", kernel_config, kernel_rows);

#define FIELD_OWNER image_config
static const struct field image_rows[] = { IMAGE_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
const struct field_table image_config_table = FIELD_TABLE("Image", image_config, image_rows);

#define FIELD_OWNER firmware_image_config
static const struct field firmware_image_rows[] = { FIRMWARE_IMAGE_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
const struct field_table firmware_image_config_table =
    FIELD_TABLE("FileWithVMType", firmware_image_config, firmware_image_rows);

#define FIELD_OWNER firmware_config
static const struct field firmware_rows[] = { FIRMWARE_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
const struct field_table firmware_config_table =
    FIELD_TABLE("Firmware", firmware_config, firmware_rows);

#define FIELD_OWNER containerd_config
static const struct field containerd_rows[] = { CONTAINERD_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
const struct field_table containerd_config_table =
    FIELD_TABLE("Containerd", containerd_config, containerd_rows);

#define FIELD_OWNER locator_config
static const struct field locator_rows[] = { LOCATOR_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
const struct field_table locator_config_table =
    FIELD_TABLE_SHORT("LocatorWithDigest", locator_config, locator_rows, "url");

#define FIELD_OWNER disk_config
static const struct field disk_rows[] = { DISK_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
const struct field_table disk_config_table =
    FIELD_TABLE_SHORT("Disk", disk_config, disk_rows, "name");

#define FIELD_OWNER sshfs_config
static const struct field sshfs_rows[] = { SSHFS_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
const struct field_table sshfs_config_table = FIELD_TABLE("SSHFS", sshfs_config, sshfs_rows);

#define FIELD_OWNER ninep_config
static const struct field ninep_rows[] = { NINEP_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
const struct field_table ninep_config_table = FIELD_TABLE("NineP", ninep_config, ninep_rows);

#define FIELD_OWNER virtiofs_config
static const struct field virtiofs_rows[] = { VIRTIOFS_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
const struct field_table virtiofs_config_table =
    FIELD_TABLE("Virtiofs", virtiofs_config, virtiofs_rows);

#define FIELD_OWNER mount_config
static const struct field mount_rows[] = { MOUNT_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
const struct field_table mount_config_table = FIELD_TABLE("Mount", mount_config, mount_rows);

#define FIELD_OWNER ssh_config
static const struct field ssh_rows[] = { SSH_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
const struct field_table ssh_config_table = FIELD_TABLE("SSH", ssh_config, ssh_rows);

#define FIELD_OWNER audio_config
static const struct field audio_rows[] = { AUDIO_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
const struct field_table audio_config_table = FIELD_TABLE("Audio", audio_config, audio_rows);

#define FIELD_OWNER vnc_config
static const struct field vnc_rows[] = { VNC_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
const struct field_table vnc_config_table = FIELD_TABLE("VNCOptions", vnc_config, vnc_rows);

#define FIELD_OWNER video_config
static const struct field video_rows[] = { VIDEO_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
const struct field_table video_config_table = FIELD_TABLE("Video", video_config, video_rows);

#define FIELD_OWNER provision_config
static const struct field provision_rows[] = { PROVISION_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
const struct field_table provision_config_table =
    FIELD_TABLE("Provision", provision_config, provision_rows);

#define FIELD_OWNER probe_config
static const struct field probe_rows[] = { PROBE_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
const struct field_table probe_config_table = FIELD_TABLE("Probe", probe_config, probe_rows);

#define FIELD_OWNER forward_config
static const struct field forward_rows[] = { FORWARD_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
const struct field_table forward_config_table =
    FIELD_TABLE("PortForward", forward_config, forward_rows);

#define FIELD_OWNER copy_config
static const struct field copy_rows[] = { COPY_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
const struct field_table copy_config_table = FIELD_TABLE("CopyToHost", copy_config, copy_rows);

#define FIELD_OWNER network_config
static const struct field network_rows[] = { NETWORK_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
const struct field_table network_config_table =
    FIELD_TABLE("Network", network_config, network_rows);

#define FIELD_OWNER host_resolver_config
static const struct field host_resolver_rows[] = { HOST_RESOLVER_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
const struct field_table host_resolver_config_table =
    FIELD_TABLE("HostResolver", host_resolver_config, host_resolver_rows);

#define FIELD_OWNER user_config
static const struct field user_rows[] = { USER_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
const struct field_table user_config_table = FIELD_TABLE("User", user_config, user_rows);

#define FIELD_OWNER ca_certs_config
static const struct field ca_certs_rows[] = { CA_CERTS_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
const struct field_table ca_certs_config_table =
    FIELD_TABLE("CACertificates", ca_certs_config, ca_certs_rows);

#define FIELD_OWNER rosetta_config
static const struct field rosetta_rows[] = { ROSETTA_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
const struct field_table rosetta_config_table =
    FIELD_TABLE("Rosetta", rosetta_config, rosetta_rows);

#define FIELD_OWNER instance_config
static const struct field instance_rows[] = { INSTANCE_FIELDS(FIELD_ROW) };
#undef FIELD_OWNER
const struct field_table instance_config_table =
    FIELD_TABLE("LimaYAML", instance_config, instance_rows);
