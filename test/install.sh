#!/bin/sh
# What is installed is enough to use the library: build a program of somebody else's with nothing but the installed
# header, library and pkg-config file, and feed it a frame.
#
#	install.sh BUILD ROOT
set -eu
build=$1
root=$2
for tool in meson cc pkg-config; do
	command -v $tool >/dev/null || { echo "there is no $tool; skipped"; exit 77; }
done
dest=$(mktemp -d)
trap 'rm -rf "$dest"' EXIT
meson install -C "$build" --no-rebuild --quiet --destdir "$dest"

pc=$(find "$dest" -name tcplint.pc)
[ -n "$pc" ] || { echo "no tcplint.pc was installed"; exit 1; }
for file in bin/tcplint include/tcplint/tcplint.h share/tcplint/tcplint.schema.json share/man/man1/tcplint.1 \
	share/man/man5/tcplint-output.5 \
	share/man/man5/tcplint-metrics.5 lib/systemd/system/tcplint@.service share/doc/tcplint/tcplint.logrotate \
	share/bash-completion/completions/tcplint share/zsh/site-functions/_tcplint share/fish/vendor_completions.d/tcplint.fish share/man/man7/tcplint-rules.7; do
	[ -n "$(find "$dest" -path "*/$file")" ] || { echo "$file was not installed"; exit 1; }
done
PKG_CONFIG_SYSROOT_DIR=$dest
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_PATH
# shellcheck disable=SC2046
cc -std=c11 -Wall -Wextra -Werror ${INSTALL_CFLAGS-} -o "$dest/example" "$root/test/install.c" $(pkg-config --cflags --libs tcplint)
lib=$(dirname "$(find "$dest" -name 'libtcplint.so' | head -n 1)")
LD_LIBRARY_PATH=$lib "$dest/example"

# every symbol that leaves the library is tcplint's, and has a version
if command -v nm >/dev/null; then
	nm -D --defined-only "$lib/libtcplint.so" | awk '{ print $NF }' | grep -v '^TCPLINT_1$' |
		grep -v '^tcplint_[a-z_]*@@TCPLINT_1$' | grep -vE '^(__asan|__ubsan|__sanitizer|__odr|_)' && { echo "these leave the library too"; exit 1; }
fi
echo "installed, built and run"
