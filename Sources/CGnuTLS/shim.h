#ifndef IOCPD_CGNUTLS_SHIM_H
#define IOCPD_CGNUTLS_SHIM_H
#include <gnutls/gnutls.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>

/* gnutls_free is a variable that holds a function, which Swift takes for shared mutable state. */
static inline void iocpd_gnutls_free(void *memory) { gnutls_free(memory); }
#endif
