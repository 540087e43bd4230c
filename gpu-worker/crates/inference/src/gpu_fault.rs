//! Recognises errors of CUDA, its libraries and the drivers that mean a failed GPU. Pure.
//!
//! ONNX Runtime reports every failed call of CUDA as `CUDA failure 719: unspecified launch failure ; GPU=0 ; hostname=…`,
//! behind several hundred characters of its own source. The numbers and texts are those of CUDA's runtime API,
//! `cudaError_t`; TensorRT gives the texts without the numbers.

use serde::{Deserialize, Serialize};

/// How a GPU failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GpuFault {
    /// The driver does not find it any more, or does not answer.
    Gone,
    /// Its memory or its links hold wrong bits that nothing can correct.
    Hardware,
    /// Another process uses it exclusively.
    Taken,
    /// A kernel failed. After that, CUDA refuses everything to the process that ran it.
    Context,
}

/// In lower case, each list in the order of CUDA's numbers.
const WORDS: [(GpuFault, &[&str]); 4] = [
    (
        GpuFault::Gone,
        &[
            "cuda failure 3:",
            "cuda failure 4:",
            "no cuda-capable device is detected",
            "invalid device ordinal",
            "system not yet initialized",
            "cuda failure 999:",
            "cuda runtime (unknown error)",
            // NVML, as its Rust binding says it, and the kernel's log.
            "fell off the bus",
            "fallen off the bus",
            "device requires a reset",
            "gpu is lost",
            // Vulkan, through wgpu.
            "device is lost",
            // This worker's own words, where the driver lists no such device.
            "nvidia's driver tells nothing of device",
        ],
    ),
    (
        GpuFault::Hardware,
        &["uncorrectable ecc error", "uncorrectable nvlink error", "gpu memory over nvlink or a hardware error"],
    ),
    // Number 46, whose text depends on the release.
    (GpuFault::Taken, &["busy or unavailable"]),
    (
        GpuFault::Context,
        &[
            "an illegal memory access was encountered",
            "the launch timed out and was terminated",
            "context is destroyed",
            "device-side assert triggered",
            "hardware stack error",
            "an illegal instruction was encountered",
            "misaligned address",
            "operation not supported on global/shared address space",
            "invalid program counter",
            "unspecified launch failure",
            "tensor memory not completely freed",
            "cuda failure 911:",
            "cublas_status_execution_failed",
            "cudnn_status_execution_failed",
        ],
    ),
];

/// How ONNX Runtime begins what a library of NVIDIA's said.
const FAILURES: [&str; 5] =
    ["CUDA failure ", "CUBLAS failure ", "CUDNN failure ", "CUDNN_FE failure ", "CUFFT failure "];

/// Where additions begin: ONNX Runtime's device, name of this machine and source line, or what the miner can do.
const ADDITIONS: [char; 2] = [';', '\n'];

impl GpuFault {
    /// The fault that a text of an engine, a driver or a dying process speaks of.
    pub fn in_text(text: &str) -> Option<Self> {
        let text = text.to_lowercase();
        let speaks = |words: &[&str]| words.iter().any(|words| text.contains(words));
        WORDS.iter().find(|(_, words)| speaks(words)).map(|(fault, _)| *fault)
    }

    /// What happened, after the device's name.
    pub const fn happened(self) -> &'static str {
        match self {
            Self::Gone => "is gone",
            Self::Hardware => "is defective",
            Self::Taken => "is taken",
            Self::Context => "failed",
        }
    }

    /// What the miner can do.
    pub const fn mend(self) -> &'static str {
        match self {
            Self::Gone => {
                "look for `NVRM: Xid` in the kernel's log: one that fell off the bus needs power, cooling or a better seat \
                 and then a restart of the machine, an unloaded driver needs `modprobe nvidia`"
            }
            Self::Hardware => "reset it with `nvidia-smi --gpu-reset`; where it comes again, replace it",
            Self::Taken => "see in `nvidia-smi` who computes on it, and set its compute mode to Default",
            Self::Context => {
                "where it comes again, look for `NVRM: Xid` in the kernel's log and update NVIDIA's driver"
            }
        }
    }
}

/// What a library of NVIDIA's said, without the source and the machine's name that ONNX Runtime puts around it; the
/// whole text where none said anything.
pub fn essence(text: &str) -> &str {
    let Some(start) = FAILURES.iter().filter_map(|words| text.rfind(words)).max() else { return text };
    let said = &text[start..];
    let end = said.find(ADDITIONS).unwrap_or(said.len());
    said[..end].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As ONNX Runtime throws it while it registers a provider.
    fn thrown(failure: &str) -> String {
        let call = "std::conditional_t<THRW, void, onnxruntime::common::Status> onnxruntime::CudaCall(ERRTYPE, const char*, \
                    const char*, ERRTYPE, const char*, const char*, int) [with ERRTYPE = cudaError; bool THRW = true]";
        let at = "/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_call.cc";
        format!(
            "{at}:123 {call} {at}:116 {call} {failure} ; GPU=0 ; hostname=my-desktop ; \
             file=/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_execution_provider.cc ; line=245 ; \
             expr=cudaSetDevice(info_.device_id);\n\n"
        )
    }

    #[test]
    fn each_failure_of_cuda_has_its_meaning() {
        // What cudaGetErrorString of CUDA 13.0 says, but for 46's older text.
        for (failure, fault) in [
            ("3: initialization error", Some(GpuFault::Gone)),
            ("4: driver shutting down", Some(GpuFault::Gone)),
            ("46: all CUDA-capable devices are busy or unavailable", Some(GpuFault::Taken)),
            ("46: CUDA-capable device(s) is/are busy or unavailable", Some(GpuFault::Taken)),
            ("100: no CUDA-capable device is detected", Some(GpuFault::Gone)),
            ("101: invalid device ordinal", Some(GpuFault::Gone)),
            ("214: uncorrectable ECC error encountered", Some(GpuFault::Hardware)),
            ("220: uncorrectable NVLink error detected during the execution", Some(GpuFault::Hardware)),
            ("226: Invalid access of peer GPU memory over nvlink or a hardware error", Some(GpuFault::Hardware)),
            ("700: an illegal memory access was encountered", Some(GpuFault::Context)),
            ("702: the launch timed out and was terminated", Some(GpuFault::Context)),
            ("709: context is destroyed", Some(GpuFault::Context)),
            ("710: device-side assert triggered", Some(GpuFault::Context)),
            ("714: hardware stack error", Some(GpuFault::Context)),
            ("715: an illegal instruction was encountered", Some(GpuFault::Context)),
            ("716: misaligned address", Some(GpuFault::Context)),
            ("717: operation not supported on global/shared address space", Some(GpuFault::Context)),
            ("718: invalid program counter", Some(GpuFault::Context)),
            ("719: unspecified launch failure", Some(GpuFault::Context)),
            ("721: tensor memory not completely freed", Some(GpuFault::Context)),
            ("802: system not yet initialized", Some(GpuFault::Gone)),
            ("911: external device error", Some(GpuFault::Context)),
            ("999: unknown error", Some(GpuFault::Gone)),
            // These leave the card and the process as they were.
            ("1: invalid argument", None),
            ("2: out of memory", None),
            ("35: CUDA driver version is insufficient for CUDA runtime version", None),
            ("209: no kernel image is available for execution on the device", None),
            ("701: too many resources requested for launch", None),
        ] {
            let text = thrown(&format!("CUDA failure {failure}"));
            assert_eq!(GpuFault::in_text(&text), fault, "{failure}");
            assert_eq!(essence(&text), format!("CUDA failure {failure}"));
        }
    }

    #[test]
    fn other_libraries_and_drivers_have_their_own_words() {
        for (text, fault) in [
            ("CUBLAS failure 13: CUBLAS_STATUS_EXECUTION_FAILED ; GPU=0 ; hostname=LED-PC", Some(GpuFault::Context)),
            ("CUDNN failure 8: CUDNN_STATUS_EXECUTION_FAILED ; GPU=0 ; hostname=x", Some(GpuFault::Context)),
            ("CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0 ; hostname=egg", None),
            ("CUDNN failure 3: CUDNN_STATUS_BAD_PARAM ; GPU=0 ; hostname=x", None),
            ("Error Code 1: Cuda Runtime (an illegal memory access was encountered)", Some(GpuFault::Context)),
            ("Error Code 1: Cuda Runtime (unknown error)", Some(GpuFault::Gone)),
            ("device fell off the bus or has otherwise become inacessible", Some(GpuFault::Gone)),
            ("device requires a reset before it can be used again", Some(GpuFault::Gone)),
            ("NVRM: Xid (PCI:0000:44:00): 79, GPU has fallen off the bus.", Some(GpuFault::Gone)),
            ("Validation Error: Parent device is lost", Some(GpuFault::Gone)),
            ("NVIDIA's driver tells nothing of device 1", Some(GpuFault::Gone)),
            ("Got invalid dimensions for input: sample", None),
            ("", None),
        ] {
            assert_eq!(GpuFault::in_text(text), fault, "{text}");
        }
    }

    #[test]
    fn neither_source_lines_nor_the_machines_name_are_repeated() {
        let node = "Non-zero status code returned while running Conv node. Name:'/conv_in/Conv' Status Message: ";
        let text = format!("{node}{}", thrown("CUDA failure 719: unspecified launch failure"));
        assert_eq!(essence(&text), "CUDA failure 719: unspecified launch failure");
        assert_eq!(
            essence("CUDNN_FE failure 11: CUDNN_BACKEND_API_FAILED"),
            "CUDNN_FE failure 11: CUDNN_BACKEND_API_FAILED"
        );
        assert_eq!(essence("the input is missing"), "the input is missing");
    }
}
