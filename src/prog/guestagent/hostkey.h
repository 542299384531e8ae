/*
 * The host key of the guest's ssh server: one ed25519 key, made when there is none. (RSA alone
 * would take longer than the rest of the boot where the CPU is emulated.)
 */
#ifndef PROG_GUESTAGENT_HOSTKEY_H
#define PROG_GUESTAGENT_HOSTKEY_H

/* OpenSSH only; dropbear makes its keys when they are asked for. Failures are logged. */
void hostkey_ensure(void);

#endif
