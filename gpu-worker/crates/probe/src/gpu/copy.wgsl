// Writes each number of `source` to `destination`, one higher.

@group(0) @binding(0) var<storage, read> source: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> destination: array<vec4<u32>>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    destination[id.x] = source[id.x] + vec4<u32>(1u);
}

// A pattern that memory compression finds nothing in.
@compute @workgroup_size(256)
fn fill(@builtin(global_invocation_id) id: vec3<u32>) {
    let first = id.x * 4u;
    destination[id.x] = vec4<u32>(first, first + 1u, first + 2u, first + 3u) * 2654435761u;
}
