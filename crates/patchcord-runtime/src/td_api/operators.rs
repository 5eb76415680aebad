//! The names of TouchDesigner's operator types. Which of them are here is known from the operators themselves.

/// The operator types of one family.
#[derive(Debug)]
pub struct FamilyTypes {
    /// The ending of their names: `DAT`.
    pub family: &'static str,
    /// What they hold.
    pub help: &'static str,
    /// Why there are none at all; empty where there are some.
    pub absent: &'static str,
    /// First parts of their names, with spaces between them.
    stems: &'static str,
}

impl FamilyTypes {
    /// Why most types of the family are not here.
    pub fn why_absent(&self) -> &'static str {
        if self.absent.is_empty() { "there is no operator of this type yet" } else { self.absent }
    }

    /// Names of the types: `textDAT`.
    pub fn types(&self) -> impl Iterator<Item = String> {
        self.stems.split_whitespace().map(|stem| format!("{stem}{}", self.family))
    }
}

/// Why a type is not here, if it is not.
pub fn why_absent(family: &FamilyTypes, name: &str) -> &'static str {
    let stem = name.strip_suffix(family.family).unwrap_or(name);
    let own = REASONS.iter().find(|(at, names, _)| *at == family.family && names.split(' ').any(|known| known == stem));
    match own {
        Some((_, _, why)) => why,
        None => super::find(name).and_then(|class| class.absent).unwrap_or(family.why_absent()),
    }
}

/// Why a type of TouchDesigner's, which is not here, is not here; `None` for a name that TouchDesigner does not know.
pub fn absent_type(name: &str) -> Option<&'static str> {
    let family = FAMILIES.iter().find(|family| family.types().any(|known| known == name))?;
    Some(why_absent(family, name))
}

/// Types that are not here for a reason of their own: family, first parts of their names, why.
const REASONS: &[(&str, &str, &str)] = &[
    ("COMP", "button field list opviewer parameter slider table text widget window", super::NO_WINDOW),
    ("COMP", "annotate", super::NO_EDITOR),
    ("COMP", "replicator", "there is no Replicator COMP; create() and copy() in a loop do it"),
    ("COMP", "engine", super::NO_TOX),
    ("DAT", "keyboardin multitouchin panelexecute", super::NO_WINDOW),
    ("CHOP", "keyboardin mousein mouseout panel tablet", super::NO_WINDOW),
];

/// All families.
pub static FAMILIES: &[FamilyTypes] = &[
    FamilyTypes {
        family: "COMP",
        help: "other operators",
        absent: "",
        stems: "actor ambientlight animation annotate base blend bone bulletsolver button camera camerablend \
            constraint container engine environmentlight fbx field force geometry geotext glsl handle \
            impulseforce light list null nvidiaflexsolver nvidiaflowemitter opviewer parameter replicator select \
            sharedmemin sharedmemout slider table text usd widget window",
    },
    FamilyTypes {
        family: "DAT",
        help: "a text or a table",
        absent: "",
        stems: "artnet audiodevices chopexecute chopto clip convert cplusplus datexecute error etherdream evaluate \
            examine execute fifo filein fileout folder in indices info insert json keyboardin lookup merge \
            midievent midiin monitors mpcdi mqttclient multitouchin ndi null opexecute opfind oscin oscout out \
            panelexecute parameter parameterexecute pargroupexecute perform popto renderpick reorder script \
            select serial serialdevices socketio sopto sort substitute switch table tcpip text touchin touchout \
            transpose tuioin udpin udpout udtin udtout videodevices web webclient webrtc webserver websocket xml",
    },
    FamilyTypes {
        family: "CHOP",
        help: "channels of samples",
        absent: "",
        stems: "abletonlink analyze angle attribute audiobandeq audiobinaural audiodevicein audiodeviceout \
            audiodynamics audiofilein audiofileout audiofilter audiomovie audiondi audiooscillator audioparaeq \
            audioplay audiorender audiospectrum audiostreamin audiostreamout audiovst audiowebrender beat bind \
            blacktrax blend blobtrack bodytrack bulletsolver clip clipblender clock composite constant copy \
            count cplusplus cross cycle datto delay delete dmxin dmxout envelope etherdream event expression \
            extend facetrack fan feedback filein fileout filter freedin freedout function gesture handle \
            heliosdac hog hokuyo hold importselect in info interpolate inversecurve inversekin join joystick \
            keyboardin keyframe kinect kinectazure lag laser laserdevice leapmotion leuzerod4 lfo limit logic \
            lookup ltcin ltcout math merge midiin midiinmap midiout mosys mousein mouseout natnetin ncam noise \
            null oakdevice oakselect object oculusaudio oculusrift openvr oscin oscout out override panel \
            pangolin parameter pattern perform phaser pipein pipeout popto posistagenet pulse realsense record \
            rename renderpick renderstreamin reorder replace resample scan script scurve select sequencer serial \
            sharedmemin sharedmemout shift shuffle slope sopto sort speed splice spring stretch stypein stypeout \
            switch syncin syncout tablet timecode timeline timer timeslice topto touchin touchout trail \
            transform transformxyz trigger trim warp wave wrnch zed",
    },
    FamilyTypes {
        family: "TOP",
        help: "a picture",
        absent: super::NO_GPU,
        stems: "add analyze antialias blobtrack bloom blur cache cacheselect channelmix chopto chromakey circle \
            composite constant convolve cornerpin cplusplus crop cross cubemap depth difference directxin \
            directxout displace edge emboss feedback fit flex flip flow function glsl glslmulti hsvadjust \
            hsvtorgb importselect in inside kinect kinectazure kinectazureselect layer layermix layout \
            leapmotion lensdistort level limit lookup lumablur lumalevel math matte mirror monochrome \
            moviefilein moviefileout multiply ndiin ndiout noise normalmap null oakselect oculusrift opencolorio \
            openvr opticalflow opviewer out outside over pack photoshopin pointfilein pointfileselect \
            pointtransform popto prefiltermap projection ramp realsense rectangle remap render renderpass \
            renderselect renderstreamin renderstreamout reorder resolution rgbkey rgbtohsv scalabledisplay \
            screen screengrab script select sharedmemin sharedmemout slope spectrum ssao substance \
            substanceselect subtract svg switch syphonspoutin syphonspoutout text texture3d threshold tile \
            timemachine tonemap touchin touchout transform under videodevicein videodeviceout videostreamin \
            videostreamout vioso webrender zed zedselect",
    },
    FamilyTypes {
        family: "SOP",
        help: "a surface",
        absent: super::NO_GPU,
        stems: "add alembic align arm attribute attributecreate basis blend bonegroup boolean box bridge cache cap \
            capture captureregion carve chopto circle clay clip convert copy cplusplus creep curveclay curvesect \
            datto deform delete divide extrude facet facetrack filein fillet fit font force fractal grid group \
            hole importselect in inversecurve isosurface join joint kinect lattice limit line linethick lod \
            lsystem magnet material merge metaball model noise null objectmerge oculusrift openvr out particle \
            point polyloft polypatch polyreduce polyspline polystitch popto primitive profile project rails \
            raster ray rectangle refine resample revolve script select sequenceblend skin sort sphere spring \
            sprinkle sprite stitch subdivide superquad surfsect sweep switch text texture torus trace trail \
            transform trim tristrip tube twist vertex wireframe zed",
    },
    FamilyTypes {
        family: "POP",
        help: "points",
        absent: super::NO_GPU,
        stems: "accumulate alembicin alembicout analyze attribute attributecombine attributeconvert blend box cache \
            cacheblend cacheselect chopto circle connectivity convert copy cplusplus curve datto delete \
            dimension dmxfixture dmxout extrude facet feedback field filein fileout forceradial glsl \
            glsladvanced glslcopy glslcreate glslselect grid group histogram importselect in limit line \
            linebreak linedivide linemetrics lineresample linesmooth linethick lookupattribute lookupchannel \
            lookuptexture math mathcombine mathmix merge neighbor noise normal normalize null oakselect out \
            particle pattern phaser plane point pointfilein pointgenerator polygonize primitive projection \
            proximity quantize random ray rectangle rerange revolve select skin skindeform sopto sort sphere \
            sprinkle subdivide switch texturemap topology topto torus trail transform trig tube twist zed",
    },
    FamilyTypes {
        family: "MAT",
        help: "a material",
        absent: super::NO_GPU,
        stems: "constant depth glsl in line null out pbr phong pointsprite select switch wireframe",
    },
];
