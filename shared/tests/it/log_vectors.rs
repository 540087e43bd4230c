//! `tests/vectors/merkle_log.json`: leaves, nodes, roots and proofs of the Go module that certificate logs are made with,
//! among them proofs that must not hold.

use serde::Deserialize;
use shared::log::proof::{Head, Plan, verify_consistency, verify_inclusion};
use shared::log::tree::{Frontier, NodeId, Nodes, leaf_hash};
use shared::{B256, Bytes};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    source: String,
    leaves: Vec<Bytes>,
    roots: Vec<B256>,
    nodes: Vec<Vec<B256>>,
    inclusion: Vec<Inclusion>,
    consistency: Vec<Consistency>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inclusion {
    name: String,
    index: u64,
    size: u64,
    root: B256,
    leaf: B256,
    proof: Vec<B256>,
    holds: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Consistency {
    name: String,
    from: u64,
    to: u64,
    from_root: B256,
    to_root: B256,
    proof: Vec<B256>,
    holds: bool,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../vectors/merkle_log.json")).unwrap()
}

fn grown(leaves: &[Bytes]) -> (Nodes, Vec<B256>) {
    let (mut frontier, mut nodes) = (Frontier::default(), Nodes::new());
    let mut roots = vec![frontier.root()];
    for leaf in leaves {
        nodes.extend(frontier.append(leaf_hash(leaf)));
        roots.push(frontier.root());
    }
    (nodes, roots)
}

#[test]
fn nodes_and_roots_are_those_of_another_implementation() {
    let vectors = vectors();
    assert!(vectors.source.contains("transparency-dev/merkle"));
    let (nodes, roots) = grown(&vectors.leaves);
    assert_eq!(roots, vectors.roots);
    let of_level = |(level, hashes): (u8, &Vec<B256>)| {
        let id = move |position| NodeId { level, position };
        (0..).zip(hashes).map(|(position, hash)| (id(position), *hash)).collect::<Vec<_>>()
    };
    let expected: Nodes = (0..).zip(&vectors.nodes).flat_map(of_level).collect();
    assert_eq!(nodes, expected);
}

#[test]
fn proofs_hold_where_they_hold_elsewhere_and_are_made_alike() {
    let vectors = vectors();
    let (nodes, roots) = grown(&vectors.leaves);
    let (mut made, mut refused) = (0, 0);
    for Inclusion { name, index, size, root, leaf, proof, holds } in vectors.inclusion {
        assert_eq!(verify_inclusion(leaf, index, size, &proof, root).is_ok(), holds, "{name}");
        refused += usize::from(!holds);
        if holds && roots.get(size as usize) == Some(&root) {
            assert_eq!(Plan::inclusion(index, size).unwrap().assemble(&nodes).unwrap(), proof, "{name}");
            made += 1;
        }
    }
    for Consistency { name, from, to, from_root, to_root, proof, holds } in vectors.consistency {
        let (earlier, later) = (Head { size: from, root: from_root }, Head { size: to, root: to_root });
        assert_eq!(verify_consistency(earlier, later, &proof).is_ok(), holds, "{name}");
        refused += usize::from(!holds);
        if holds && roots.get(to as usize) == Some(&to_root) {
            assert_eq!(Plan::consistency(from, to).unwrap().assemble(&nodes).unwrap(), proof, "{name}");
            made += 1;
        }
    }
    assert!(made >= 9 && refused >= 100, "{made} made, {refused} refused");
}
