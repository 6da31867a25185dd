#!/bin/sh
# Writes testdata/metadata with ExifTool (Debian: libimage-exiftool-perl), so that the reader is tested against words
# another program wrote. Run after scripts/make_hostile.py. EXIFTOOL may name another command.
set -eu
cd "$(dirname "$0")/../testdata"
mkdir -p metadata
tool=${EXIFTOOL:-exiftool}
rm -f metadata/*.jpg metadata/*.png metadata/*.tif

camera() {
    $tool -q -o "$2" -Make="Canon" -Model="Canon EOS R6" -LensModel="RF24-105mm F4 L IS USM" -ISO=400 -FocalLength=35 \
        -FNumber=5.6 -ExposureTime=1/250 -DateTimeOriginal="2023:07:14 18:22:05" -OffsetTimeOriginal="+02:00" \
        -GPSLatitude=48.8583701 -GPSLatitudeRef=N -GPSLongitude=2.2944813 -GPSLongitudeRef=E -GPSAltitude=35 \
        -GPSAltitudeRef="Above Sea Level" -IFD0:Orientation#=6 -ImageDescription="A red field" "$1"
}
camera small/rgb.jpg metadata/camera.jpg
camera small/rgb.png metadata/camera.png
camera small/rgb.tif metadata/camera.tif
$tool -q -o metadata/words.jpg -codedcharacterset=utf8 \
    -IPTC:Caption-Abstract="Käse und Brot" -IPTC:Keywords=food -IPTC:Keywords=Brot -IPTC:DateCreated=2019:12:31 \
    -XMP-dc:Description="Bread and cheese" -XMP-dc:Description-de="Brot und Käse" -XMP-dc:Description-zh-CN="面包和奶酪" \
    -XMP-dc:Title="Lunch" -XMP-dc:Subject=food -XMP-dc:Subject=kitchen -XMP-xmp:Rating=4 small/rgb.jpg
$tool -q -o metadata/south.jpg -GPSLatitude=33.8567844 -GPSLatitudeRef=S -GPSLongitude=70.6693 -GPSLongitudeRef=W \
    -GPSAltitude=12.5 -GPSAltitudeRef="Below Sea Level" -Make="NIKON CORPORATION" -Model="NIKON Z 6" -XPKeywords="a;b c" \
    -XPTitle="山" -UserComment="Un commentaire é" -ModifyDate="2020:02:02 02:02:02" small/rgb.jpg
