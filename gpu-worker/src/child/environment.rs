//! Which variables the inference process gets. The worker's environment may hold secrets, so only those that engines and
//! drivers read are passed on.

use super::Setup;
use inference::engine::library::Search;

/// Whole names.
const NAMES: [&str; 17] = [
    "HOME",
    "XDG_DATA_HOME",
    "RUST_LOG",
    "NO_COLOR",
    "LANG",
    "TZ",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "SYSTEMROOT",
    "PATH",
    "ORT_DYLIB_PATH",
    "OMP_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "TRACT_NUM_THREADS",
    "CUDA_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "HSA_OVERRIDE_GFX_VERSION",
];

/// How names begin that drivers read.
const BEGINNINGS: [&str; 6] = ["CUDA_", "NVIDIA_", "CUDNN_", "CUBLAS_", "HIP_", "LC_"];

/// Leaves the command with what is on the list.
pub(super) fn clear(command: &mut tokio::process::Command, setup: &Setup) {
    command.env_clear();
    command.envs(std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_passed)));
    // CUDA and TensorRT write beside the compiled graphs, the one folder that is writable.
    let cache = setup.engine.cache.clone().or(Search::of_process(setup.data.as_deref()).cache);
    if let Some(cache) = cache {
        command.env("CUDA_CACHE_PATH", cache.join("cuda")).env("TMPDIR", cache);
    }
}

fn is_passed(name: &str) -> bool {
    NAMES.contains(&name) || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_get_what_they_read_and_secrets_stay() {
        for name in ["ORT_DYLIB_PATH", "CUDA_MODULE_LOADING", "RUST_LOG", "LC_ALL"] {
            assert!(is_passed(name), "{name}");
        }
        for name in ["AITBC_WORKER_DATA", "AWS_SECRET_ACCESS_KEY", "SSH_AUTH_SOCK", "HTTP_PROXY", "LD_PRELOAD", ""] {
            assert!(!is_passed(name), "{name}");
        }
    }
}
