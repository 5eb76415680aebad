#!/bin/sh
# Makes the certificates and keys that the TLS tests read. They are test material: the private keys are published,
# so nothing outside these tests may ever trust them. Needs OpenSSL 3 with its legacy provider; valid for 100 years.
# Run it in this folder and commit what it writes; the authority's own keys are thrown away.
set -eu
cd "$(dirname "$0")"
rm -f ./*.pem ./*.der
days=36500
password=pass:patch
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

ec() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

# sign NAME KEY ISSUER EXTENSIONS: a certificate for KEY, signed by $work/ISSUER.pem.
sign() {
    printf '%s\n' "$4" >"$work/extensions"
    openssl req -new -key "$2" -subj "/CN=$1 of the tests" |
        openssl x509 -req -days $days -CA "$work/$3.pem" -CAkey "$work/$3-key.pem" -extfile "$work/extensions" \
            2>/dev/null
}

leaf='basicConstraints=CA:FALSE
subjectAltName=DNS:localhost,IP:127.0.0.1
extendedKeyUsage=serverAuth'
client='basicConstraints=CA:FALSE
extendedKeyUsage=clientAuth'
authority='basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign'

# The authority, and one that it has authorized.
ec "$work/ca-key.pem"
openssl req -x509 -new -key "$work/ca-key.pem" -days $days -subj "/CN=authority of the tests" \
    -addext keyUsage=critical,keyCertSign,cRLSign -out "$work/ca.pem"
cp "$work/ca.pem" ca.pem
ec "$work/middle-key.pem"
sign middle "$work/middle-key.pem" ca "$authority" >"$work/middle.pem"

# A server whose chain has two certificates; its key in every unencrypted form.
ec key-pkcs8.pem
openssl ec -in key-pkcs8.pem -out key-sec1.pem 2>/dev/null
{ openssl ecparam -name prime256v1; cat key-sec1.pem; } >key-sec1-parameters.pem
sign server key-pkcs8.pem middle "$leaf" >"$work/server.pem"
cat "$work/server.pem" "$work/middle.pem" >chain.pem
cat "$work/middle.pem" "$work/server.pem" >chain-reversed.pem
cat key-pkcs8.pem chain.pem >combined.pem
openssl x509 -in "$work/server.pem" -outform der -out server.der
sed '/END CERTIFICATE/d' "$work/server.pem" >truncated.pem

# The same key, encrypted with the password "patch".
encrypt() { out=$1; shift; openssl pkcs8 -topk8 -in key-pkcs8.pem -passout $password -out "$out" "$@"; }
encrypt encrypted-aes256.pem -v2 aes-256-cbc
encrypt encrypted-aes128-sha1.pem -v2 aes-128-cbc -v2prf hmacWithSHA1
encrypt encrypted-scrypt.pem -scrypt
encrypt encrypted-3des.pem -v2 des3
encrypt encrypted-pbes1.pem -v1 PBE-SHA1-3DES
encrypt encrypted-camellia.pem -v2 camellia-256-cbc
openssl ec -in key-pkcs8.pem -aes-256-cbc -passout $password -out encrypted-legacy.pem 2>/dev/null

# Other kinds of key, each with its certificate.
openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa-pkcs8.pem
openssl rsa -in rsa-pkcs8.pem -traditional -out rsa-pkcs1.pem 2>/dev/null
sign rsa rsa-pkcs8.pem ca "$leaf" >rsa.pem
openssl genpkey -quiet -algorithm ED25519 -out ed25519-key.pem
sign ed25519 ed25519-key.pem ca "$leaf" >ed25519.pem
openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out secp256k1-key.pem
sign secp256k1 secp256k1-key.pem ca "$leaf" >secp256k1.pem

# A certificate without extensions is version 1, which rustls does not take.
openssl req -new -key key-pkcs8.pem -subj "/CN=version 1" |
    openssl x509 -req -days $days -signkey key-pkcs8.pem -out version1.pem 2>/dev/null

# Certificates outside their time.
dated() {
    rm -f "$work"/index*
    : >"$work/index"
    cat >"$work/config" <<END
[ca]
default_ca = dated
[dated]
new_certs_dir = $work
database = $work/index
rand_serial = yes
default_md = sha256
policy = policy
x509_extensions = leaf
[policy]
commonName = supplied
[leaf]
$leaf
END
    openssl req -new -key key-pkcs8.pem -subj "/CN=dated" -out "$work/dated.csr"
    openssl ca -batch -notext -config "$work/config" -cert "$work/ca.pem" -keyfile "$work/ca-key.pem" \
        -startdate "$1" -enddate "$2" -in "$work/dated.csr" -out "$3" 2>/dev/null
}
dated 20190101000000Z 20200131235959Z expired.pem
dated 21000301120000Z 21010301120000Z not-yet-valid.pem

# A client that the authority knows, and a certificate for the same key that nobody signed.
ec client-key.pem
sign client client-key.pem ca "$client" >client.pem
openssl req -x509 -new -key client-key.pem -days $days -subj "/CN=stranger of the tests" \
    -addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=clientAuth -out stranger.pem

# What `openssl req -x509` makes by itself: an authority of nobody but itself. One for this machine, one of last decade.
openssl req -x509 -new -key key-pkcs8.pem -days $days -subj "/CN=own" -addext subjectAltName=DNS:localhost -out own.pem
rm -f "$work"/index*
: >"$work/index"
sed 's/basicConstraints=CA:FALSE/basicConstraints=critical,CA:TRUE/' "$work/config" >"$work/own-config"
openssl req -new -key key-pkcs8.pem -subj "/CN=own-expired" -out "$work/own.csr"
openssl ca -batch -notext -config "$work/own-config" -selfsign -keyfile key-pkcs8.pem \
    -startdate 20100101000000Z -enddate 20191231235959Z -in "$work/own.csr" -out own-expired.pem 2>/dev/null
