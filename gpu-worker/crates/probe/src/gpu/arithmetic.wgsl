// Chains of fused multiply-adds, each from the result before. `Scalar` and `enable f16` stand before this text.
//
// One iteration maps each chain's (x, y) to (y − x, −x), of which three make the identity, so the results are small
// integers and exact in half precision. `factor` is 1, which no compiler knows.

alias Vector = vec4<Scalar>;

struct Parameters {
    iterations: u32,
    factor: f32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> results: array<f32>;

fn weigh(vector: Vector) -> f32 {
    return dot(vec4<f32>(vector), vec4<f32>(1.0, 2.0, 3.0, 4.0));
}

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let factor = Vector(Scalar(parameters.factor));
    let lanes = Vector(Scalar(0.0), Scalar(1.0), Scalar(2.0), Scalar(3.0));
    let start = Vector(Scalar(id.x % 4u)) + lanes;
    let other = Vector(Scalar(id.x / 4u % 4u));
    var x0 = start;
    var x1 = start + Vector(Scalar(1.0));
    var x2 = start + Vector(Scalar(2.0));
    var x3 = start + Vector(Scalar(3.0));
    var y0 = other;
    var y1 = other;
    var y2 = other;
    var y3 = other;
    for (var iteration = 0u; iteration < parameters.iterations; iteration += 1u) {
        x0 = fma(factor, y0, -x0);
        x1 = fma(factor, y1, -x1);
        x2 = fma(factor, y2, -x2);
        x3 = fma(factor, y3, -x3);
        y0 = fma(factor, x0, -y0);
        y1 = fma(factor, x1, -y1);
        y2 = fma(factor, x2, -y2);
        y3 = fma(factor, x3, -y3);
    }
    results[id.x] = weigh(x0) + weigh(x1) + weigh(x2) + weigh(x3) - weigh(y0) - weigh(y1) - weigh(y2) - weigh(y3);
}
