package profile

// builtin are the profiles that every project has. Their packages are Debian's; what only its makers serve is optional,
// because an image must not depend on hosts that may be out of reach.
func builtin() []Definition {
	return []Definition{
		{
			Name: Base, About: "what every agent needs: git, a search, an editor",
			Packages: []string{
				"ca-certificates", "curl", "fd-find", "git", "jq", "less", "openssh-client", "procps", "ripgrep", "tmux", "vim",
			},
			Run: []string{"ln -sf /usr/bin/fdfind /usr/local/bin/fd"}, // Debian's name for it is its own
		},
		{
			Name: "rust", About: "Rust: rustup or else Debian's cargo, a C compiler, headers of OpenSSL and libpq",
			Packages: []string{"gcc", "libc6-dev", "libpq-dev", "libssl-dev", "pkg-config"},
			Env: map[string]string{
				"RUSTUP_HOME": "/opt/rust/rustup", "CARGO_HOME": cacheDir + "/cargo", "OPENSSL_DIR": "/usr",
				"PATH": "/opt/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			},
			Volumes: cache("cargo"),
			Optional: []Optional{{
				Name: "rustup", Source: "https://sh.rustup.rs",
				Run: "curl --proto =https --tlsv1.2 --fail --silent --show-error --max-time 300 https://sh.rustup.rs -o /tmp/rustup.sh && " +
					"RUSTUP_HOME=/opt/rust/rustup CARGO_HOME=/opt/rust sh /tmp/rustup.sh -y --no-modify-path --profile minimal --component clippy,rustfmt",
				Instead: []string{"cargo", "rust-clippy", "rustc", "rustfmt"},
			}},
		},
		{
			Name: "python", About: "Python 3 with venv and pytest; uv and ruff",
			Packages: []string{"python3", "python3-pip", "python3-pytest", "python3-venv"},
			Env: map[string]string{
				"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_CACHE_DIR": cacheDir + "/python/pip", "UV_CACHE_DIR": cacheDir + "/python/uv",
				"UV_LINK_MODE": "copy", // the cache and the project are on different file systems
			},
			Run:     []string{"ln -sf /usr/bin/python3 /usr/local/bin/python"},
			Volumes: cache("python"),
			Optional: []Optional{{
				Name: "uv and ruff", Source: "the Python package index",
				Run: "python3 -m venv /opt/python-tools && /opt/python-tools/bin/pip install --retries 0 --timeout 15 --no-cache-dir --quiet uv ruff && " +
					"ln -sf /opt/python-tools/bin/uv /opt/python-tools/bin/ruff /usr/local/bin/",
			}},
		},
		{
			Name: "node", About: "Node.js and npm",
			Packages: []string{"nodejs", "npm"},
			Env:      map[string]string{"NPM_CONFIG_UPDATE_NOTIFIER": "false"},
		},
		{
			Name: "go", About: "Go and a C compiler",
			Packages: []string{"gcc", "golang-go", "libc6-dev"},
			Env:      map[string]string{"GOMODCACHE": cacheDir + "/go/mod", "GOCACHE": cacheDir + "/go/build"},
			Volumes:  cache("go"),
		},
		{
			// Not a part of base: with what it needs it is a quarter of base's size, and it works only where /nix can be
			// written, so every sandbox would have the volume.
			Name: "nix", About: "Nix for one user, with flakes",
			Packages: []string{"nix-bin"},
			// Its own sandbox is off: it needs namespaces and mounts, which need capabilities that ours has none of. What a
			// build reaches is what our sandbox reaches. The empty group says that there are no build users.
			Run:     []string{"mkdir -p /etc/nix && printf '%s\\n' 'experimental-features = nix-command flakes' 'sandbox = false' 'build-users-group =' >/etc/nix/nix.conf"},
			Volumes: []Volume{{Name: "nix", Dest: "/nix"}},
		},
		{
			Name: "debug", About: "gdb, strace, lsof",
			Packages: []string{"gdb", "lsof", "strace"},
		},
	}
}
