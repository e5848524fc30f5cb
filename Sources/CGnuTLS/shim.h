#ifndef IOCPD_CGNUTLS_SHIM_H
#define IOCPD_CGNUTLS_SHIM_H
#include <gnutls/gnutls.h>
#include <gnutls/crypto.h>
#endif
