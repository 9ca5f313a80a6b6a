# SPDX-License-Identifier: Apache-2.0

# Sourced by scripts that fetch from Debian's releases without a change to the
# machine's own package sources.

debian_keyring=/usr/share/keyrings/debian-archive-keyring.gpg


# Where this machine gets its own Debian packages from: its release's mirror,
# else any of Debian's.  On sid, os-release names the release to come.
debian_mirror()
{
    local format='$(ORIGIN) $(CODENAME) $(REPO_URI)' codename

    codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-sid}")
    apt-get indextargets --format "$format" 'Created-By: Packages' \
        2> /dev/null \
        | awk -v c="$codename" '
            $1 == "Debian" && $2 == c && own == "" { own = $3 }
            $1 == "Debian" && any == "" { any = $3 }
            END { print own != "" ? own : any }'
}


# debian_lists DIR deb|deb-src SUITE: what apt-get, with APT_CONFIG set to
# DIR/apt.conf, asks and keeps.  Dates do not matter to a file that is pinned
# by its hash, and unstable suites and clocks often disagree.
debian_lists()
{
    local dir=$1 kind=$2 suite=$3 mirror

    mirror=$(debian_mirror)

    [ -n "$mirror" ] && [ -r "$debian_keyring" ] || return 1
    mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" || return 1

    cat > "$dir/sources.list" <<END
$kind [signed-by=$debian_keyring] $mirror $suite main
END

    cat > "$dir/apt.conf" <<END
Dir::Etc::SourceList "$dir/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State::Lists "$dir/lists";
Dir::Cache "$dir/cache";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::Check-Valid-Until "false";
Acquire::Check-Date "false";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
APT::Sandbox::User "";
END
}
