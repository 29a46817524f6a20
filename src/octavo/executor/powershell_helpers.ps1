# The functions a PowerShell step may call: script-execution.md §2.6.3. This text opens every composed PowerShell file.

$ErrorActionPreference = 'Stop'
$PSNativeCommandArgumentPassing = 'Legacy'
$OctopusParameters = New-Object 'System.Collections.Generic.Dictionary[String,String]' ([System.StringComparer]::OrdinalIgnoreCase)
[Console]::OutputEncoding = New-Object System.Text.UTF8Encoding($false)

function Convert-ServiceMessageValue([string] $value) {
    [Convert]::ToBase64String([System.Text.Encoding]::UTF8.GetBytes($value))
}

function Convert-ToServiceMessageParameter([string] $name, [string] $value) {
    "$name='$(Convert-ServiceMessageValue $value)'"
}

function Write-OctavoMessage([string] $name, [System.Collections.IDictionary] $attributes) {
    $parts = @($attributes.Keys | ForEach-Object { Convert-ToServiceMessageParameter $_ $attributes[$_] })
    [Console]::Out.WriteLine("##octopus[$name $($parts -join ' ')]")
}

function Write-OctavoLevel([string] $level, [string] $text) {
    [Console]::Out.WriteLine("##octopus[stdout-$level]")
    [Console]::Out.WriteLine($text)
    [Console]::Out.WriteLine('##octopus[stdout-default]')
}

function Set-OctopusVariable([string] $name, [string] $value, [switch] $sensitive) {
    $attributes = [ordered] @{ name = $name; value = $value }
    if ($sensitive) { $attributes['sensitive'] = 'True' }
    Write-OctavoMessage 'setVariable' $attributes
    $OctopusParameters[$name] = $value
}

function New-OctopusArtifact {
    [CmdletBinding()]
    param(
        [Parameter(Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true, Mandatory = $true)]
        [Alias('FullName')]
        [string] $path,
        [Parameter(Position = 1, ValueFromPipelineByPropertyName = $true)]
        [string] $name
    )
    process {
        $full = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($path)
        if ([string]::IsNullOrEmpty($name)) { $name = [System.IO.Path]::GetFileName($full) }
        $length = 0
        if ([System.IO.File]::Exists($full)) { $length = (New-Object System.IO.FileInfo $full).Length }
        Write-OctavoLevel 'verbose' "Artifact $name will be collected from $full after this step completes"
        Write-OctavoMessage 'createArtifact' ([ordered] @{ path = $full; name = $name; length = "$length" })
        $name = $null
    }
}

function Update-Progress([int] $percentage, [string] $message) {
    Write-OctavoMessage 'progress' ([ordered] @{ percentage = "$percentage"; message = $message })
}

function Fail-Step([string] $message) {
    if (-not [string]::IsNullOrEmpty($message)) { Write-OctavoMessage 'resultMessage' @{ message = $message } }
    exit -1
}

function Write-Verbose([Parameter(Position = 0, ValueFromPipeline = $true)] [string] $Message) { process { Write-OctavoLevel 'verbose' $Message } }
function Write-Highlight([Parameter(Position = 0, ValueFromPipeline = $true)] [string] $Message) { process { Write-OctavoLevel 'highlight' $Message } }
function Write-Wait([Parameter(Position = 0, ValueFromPipeline = $true)] [string] $Message) { process { Write-OctavoLevel 'wait' $Message } }
function Write-Warning([Parameter(Position = 0, ValueFromPipeline = $true)] [string] $Message) { process { Write-OctavoLevel 'warning' $Message } }
function Write-Debug([Parameter(Position = 0, ValueFromPipeline = $true)] [string] $Message) { process { Write-OctavoLevel 'verbose' $Message } }

function Set-EnvironmentState([string] $key, [string] $value, [switch] $sensitive, [string] $type = 'State') {
    $attributes = [ordered] @{ key = $key; value = $value }
    if ($sensitive) { $attributes['sensitive'] = 'True' }
    $attributes['type'] = $type
    Write-OctavoMessage 'set-environmentstate' $attributes
}

function Set-EnvironmentUrl([string] $key, [string] $value) {
    Set-EnvironmentState -key $key -value $value -type 'Url'
}

function New-OctopusTarget([string] $name, [string] $targetId, [string] $inputs, [string] $roles, [string] $workerPool, [switch] $updateIfExisting) {
    $attributes = [ordered] @{ name = $name; targetId = $targetId; inputs = $inputs; octopusRoles = $roles }
    if ($workerPool) { $attributes['octopusDefaultWorkerPoolIdOrName'] = $workerPool }
    if ($updateIfExisting) { $attributes['updateIfExisting'] = 'True' }
    Write-OctavoMessage 'createStepPackageTarget' $attributes
}

function Remove-OctopusTarget([string] $targetIdOrName) {
    Write-OctavoMessage 'delete-target' @{ machine = $targetIdOrName }
}

function Report-KubernetesManifest([string] $manifest, [string] $namespace) {
    foreach ($document in ($manifest -split '(?m)^---\s*$')) {
        if ($document.Trim()) { Write-OctavoMessage 'k8s-manifest-applied' ([ordered] @{ manifest = $document; ns = $namespace }) }
    }
}

function Report-KubernetesManifestFile([string] $path, [string] $namespace) {
    if (Test-Path -LiteralPath $path -PathType Leaf) { Report-KubernetesManifest (Get-Content -LiteralPath $path -Raw) $namespace }
    else { Write-OctavoLevel 'verbose' "The manifest file $path does not exist" }
}

function Execute-WithRetry([ScriptBlock] $command, [int] $maxFailures = 3, [int] $sleepBetweenFailures = 1) {
    $failures = 0
    while ($true) {
        try { return & $command }
        catch {
            $failures++
            if ($failures -ge $maxFailures) { throw }
            Write-OctavoLevel 'verbose' "Attempt $failures of $maxFailures failed: $_"
            Start-Sleep -Seconds $sleepBetweenFailures
        }
    }
}

# Not ConvertFrom-Json: it makes dates of texts that look like some.
function Import-OctavoVariables([string] $payload) {
    foreach ($pair in $payload.Split([char[]] ',', [System.StringSplitOptions]::RemoveEmptyEntries)) {
        $name, $value = $pair.Split(':') | ForEach-Object { [System.Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($_)) }
        $OctopusParameters[$name] = "$value"
    }
}
