//! `cargo xtask doctor`: which tools are there, in which version, and what to do about the others.

use anyhow::{Result, bail};

use crate::tools::{self, Install, Requirement, Tool};
use crate::workspace::Workspace;

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let tools = tools::FOR_BUILDING.iter().chain([&tools::CHROMIUM]);
    let missing = tools.filter(|tool| !report(workspace, tool)).count();
    if missing > 0 {
        bail!("{missing} needed tool(s) must be installed by hand");
    }
    Ok(())
}

/// False where a needed tool is missing that xtask does not install itself.
fn report(workspace: &Workspace, tool: &Tool) -> bool {
    if let Some(found) = (tool.find)(workspace) {
        println!("{:<24} {found}", tool.name);
        return true;
    }
    let (remedy, installs_itself) = match tool.install {
        Install::ByXtask { cost, .. } => (format!("installed when first needed ({cost})"), true),
        Install::ByUser(advice) => (advice.to_owned(), false),
    };
    println!("{:<24} missing; needed to {}: {remedy}", tool.name, tool.purpose);
    match tool.requirement {
        Requirement::Needed => installs_itself,
        Requirement::Optional(without) => {
            println!("{:<24} without it {without}", "");
            true
        }
    }
}
