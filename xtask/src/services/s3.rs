//! Object stores that speak S3, with real conditional puts: versitygw (`s3`), and MinIO (`minio`), which differs from it
//! where uploads in parts are listed and completed again.
//!
//! Both have one user, `msuser` with `mspassword`, and one bucket, `test`; a bucket is a folder below `data`.

use super::folder::Folder;
use super::process::Process;
use super::{Options, Result, Service, golang};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

const USER: &str = "msuser";
const PASSWORD: &str = "mspassword";
const BUCKET: &str = "test";

/// They are ready in a second, on a machine with nothing else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// See the module.
pub(super) enum S3 {
    Versity,
    Minio,
}

impl Service for S3 {
    fn name(&self) -> &'static str {
        match self {
            Self::Versity => "s3",
            Self::Minio => "minio",
        }
    }

    fn up(&self, folder: &Folder, _: &Options) -> Result<String> {
        let address = format!("127.0.0.1:{}", folder.port(&[0])?);
        let process = self.process(folder);
        if !process.is_alive() {
            for of_its_own in [format!("data/{BUCKET}"), "meta".into()] {
                let path = folder.path().join(of_its_own);
                std::fs::create_dir_all(&path).map_err(|e| format!("cannot make {}: {e}", path.display()))?;
            }
            process.start(&mut self.command(folder, &address)?)?;
        }
        process.wait_until(|| TcpStream::connect(&address).is_ok(), PATIENCE)?;
        Ok(format!("http://{address}"))
    }

    fn processes(&self, folder: &Folder) -> Vec<Process> {
        vec![self.process(folder)]
    }
}

impl S3 {
    fn process(&self, folder: &Folder) -> Process {
        let name = match self {
            Self::Versity => "versitygw",
            Self::Minio => "minio",
        };
        Process { name: name.into(), folder: folder.path().to_owned() }
    }

    fn command(&self, folder: &Folder, address: &str) -> Result<Command> {
        let (data, meta) = (folder.path().join("data"), folder.path().join("meta"));
        let mut command = Command::new(self.program()?);
        match self {
            Self::Versity => {
                command.env("ROOT_ACCESS_KEY", USER).env("ROOT_SECRET_KEY", PASSWORD);
                command.args(["--port", address, "--quiet", "posix", "--sidecar"]).arg(meta).arg(data);
            }
            Self::Minio => {
                command.env("MINIO_ROOT_USER", USER).env("MINIO_ROOT_PASSWORD", PASSWORD).env("MINIO_BROWSER", "off");
                command.args(["server", "--address", address]).arg(data);
            }
        }
        Ok(command)
    }

    fn program(&self) -> Result<PathBuf> {
        match self {
            Self::Versity => golang::program("versitygw", "github.com/versity/versitygw/cmd/versitygw", "v1.8.0"),
            Self::Minio => golang::program("minio", "github.com/minio/minio", "v0.0.0-20260212201848-7aac2a2c5b7c"),
        }
    }
}
